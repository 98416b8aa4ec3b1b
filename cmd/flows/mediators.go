package main

import (
	"strings"

	"flows/emlite"
)

// mediators is where meters are asked.
type mediators struct {
	clientCertificates
	MediatorServer string `name:"mediator" setting:"MEDIATOR_SERVER" default:"127.0.0.1:50051" placeholder:"HOST:PORT" help:"Mediators, comma separated; each serial belongs to one of them ($$MEDIATOR_SERVER)."`
}

func (m mediators) dial(a *app, t meterTiming, p emlite.Priority) (*emlite.Client, error) {
	var addresses []string
	for address := range strings.SplitSeq(m.MediatorServer, ",") {
		addresses = append(addresses, strings.TrimSpace(address))
	}
	secured, err := m.clientCertificates.config(a)
	if err != nil {
		return nil, err
	}
	client, err := emlite.Dial(addresses, emlite.Options{Timeout: t.Timeout.duration(), Spacing: t.Spacing.duration(), Priority: p, TLS: secured})
	if err != nil {
		return nil, usage("MEDIATOR_SERVER %q: %w", m.MediatorServer, err)
	}
	return client, nil
}
