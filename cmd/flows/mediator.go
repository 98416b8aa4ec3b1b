package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"flows/mediator"
)

type mediatorCmd struct {
	database
	meterTiming
	dialing
	metricsHTTP
	Listen string `name:"listen" default:"127.0.0.1" placeholder:"ADDRESS" help:"Address to listen on; loopback only."`
	Port   uint16 `name:"port" setting:"LISTEN_PORT" default:"50051" help:"Port to listen on ($$LISTEN_PORT)."`
}

// Help is kong's.
func (mediatorCmd) Help() string {
	return `Examples:
  flows mediator
  METER_SPACING_SECONDS=0.05 EMLITE_TIMEOUT_SECONDS=1 flows mediator --port 50052   # for a simulated fleet`
}

// Run is kong's.
func (c *mediatorCmd) Run(a *app) error {
	if ip := net.ParseIP(c.Listen); ip == nil || !ip.IsLoopback() {
		return usage("--listen %s: only loopback addresses, such as 127.0.0.1: the connection is neither encrypted nor restricted", c.Listen)
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
