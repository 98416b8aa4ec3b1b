package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"flows/certs"
	"flows/mediator"
)

type mediatorCmd struct {
	database
	meterTiming
	dialing
	metricsHTTP
	serverCertificates
	Listen   string `name:"listen" default:"127.0.0.1" placeholder:"ADDRESS" help:"Address to listen on; without certificates loopback only."`
	Port     uint16 `name:"port" setting:"LISTEN_PORT" default:"50051" help:"Port to listen on ($$LISTEN_PORT)."`
	Insecure bool   `name:"insecure" help:"Listen beyond loopback without certificates: whoever reaches the port may read every meter and write to it, and whoever is on the way may listen."`
}

// Help is kong's.
func (mediatorCmd) Help() string {
	return `Examples:
  flows mediator
  METER_SPACING_SECONDS=0.05 EMLITE_TIMEOUT_SECONDS=1 flows mediator --port 50052   # for a simulated fleet
  MEDIATOR_SERVER_CERT=certs/server.crt MEDIATOR_SERVER_KEY=certs/server.key MEDIATOR_CA_CERT=certs/ca.crt flows mediator --listen 0.0.0.0

With certificates (see flows certs) a caller may do what the role in his says: internal everything, partner reads of objects and info,
readonly info.`
}

// Run is kong's.
func (c *mediatorCmd) Run(a *app) error {
	secured, err := c.secured(a)
	if err != nil {
		return err
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	lis, err := net.Listen("tcp", net.JoinHostPort(c.Listen, strconv.Itoa(int(c.Port))))
	if err != nil {
		return usage("cannot listen: %w: choose another port with LISTEN_PORT", err)
	}
	o := mediator.Defaults()
	o.Timeout, o.Spacing, o.Log = c.Timeout.duration(), c.Spacing.duration(), a.log
	o.TLS, o.Identify = secured, certs.Client
	if o.Dial, err = c.dial(a); err != nil {
		return err
	}
	counted, stop, err := c.metricsHTTP.serve(a)
	if err != nil {
		return err
	}
	defer stop()
	o.Metrics = counted
	server, err := mediator.New(registry{store}, o)
	if err != nil {
		return usage("%w", err)
	}
	return serve(a, server, lis)
}

// secured gives the TLS settings, nil for none, which is for loopback unless somebody says that it is meant.
func (c *mediatorCmd) secured(a *app) (*tls.Config, error) {
	t, err := c.serverCertificates.config(a)
	if ip := net.ParseIP(c.Listen); err != nil || t != nil || ip != nil && ip.IsLoopback() {
		return t, err
	}
	if !c.Insecure {
		return nil, usage("--listen %q: without certificates only loopback addresses, such as 127.0.0.1: set %s, %s and %s (see flows certs), or give --insecure to let whoever reaches the port read and write meters",
			c.Listen, serverCertSetting, serverKeySetting, caCertSetting)
	}
	a.log.Warn("listening without certificates: whoever reaches the port may read and write meters", "address", c.Listen)
	return nil, nil
}

// serve runs the mediator until the context ends, then stops it.
func serve(a *app, server *mediator.Server, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(lis) }()
	select {
	case err := <-failed:
		return fmt.Errorf("mediator: %w", err)
	case <-a.ctx.Done():
		stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		server.Stop(stop)
		a.log.Info("mediator stopped")
		return nil
	}
}
