package main

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsHTTP is where Prometheus finds a process's metrics.
type metricsHTTP struct {
	MetricsAddr string `name:"metrics-addr" setting:"FLOWS_METRICS_ADDR" placeholder:"HOST:PORT" help:"Serve /metrics for Prometheus here ($$FLOWS_METRICS_ADDR); off when not given."`
}

// serve starts the HTTP server, when one is wanted, and gives the registry for the metrics. The returned function stops it.
func (m metricsHTTP) serve(a *app) (prometheus.Registerer, func(), error) {
	registry := prometheus.NewRegistry()
	if m.MetricsAddr == "" {
		return registry, func() {}, nil
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	lis, err := net.Listen("tcp", m.MetricsAddr)
	if err != nil {
		return nil, nil, usage("cannot serve metrics: %w: choose another FLOWS_METRICS_ADDR", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("metrics are not served any more", "error", err)
		}
	}()
	a.log.Info("metrics are served", "address", lis.Addr().String())
	return registry, func() { server.Close() }, nil
}
