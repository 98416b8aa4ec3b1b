package mediator

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"

	"flows"
	"flows/mediator/mediatorpb"
)

// PriorityKey is the gRPC metadata that sets a person's call before the schedule's, or a backfill's behind. Any other value is the schedule's.
const (
	PriorityKey = "flows-priority"
	Person      = "person"
	Backfill    = "backfill"
)

// Server answers the calls of the field's clients and ours. It starts with Serve and ends with Stop.
type Server struct {
	registry Registry
	index    *index
	options  Options
	turns    *turns
	grpc     *grpc.Server
	health   *health.Server
	metrics  *metrics
	stopped  chan struct{}
	stop     sync.Once
}

// New makes a server that serves the meters of the registry.
func New(registry Registry, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	counted := newMetrics(o.Metrics)
	options := append(counted.options(), grpc.WaitForHandlers(true)) // refused calls are counted too
	options = append(options, o.transport()...)
	s := &Server{
		registry: registry, index: newIndex(registry, o.Log), options: o, turns: newTurns(o.Spacing, o.IdleClose),
		metrics: counted, grpc: grpc.NewServer(options...), health: health.NewServer(), stopped: make(chan struct{}),
	}
	mediatorpb.RegisterEmliteMediatorServiceServer(s.grpc, elementService{Server: s})
	mediatorpb.RegisterInfoServiceServer(s.grpc, infoService{Server: s})
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s, nil
}

// Serve loads the registry, without which it fails, and answers calls until Stop, which it waits for; then it returns nil.
func (s *Server) Serve(lis net.Listener) error {
	err := s.index.start()
	if err == nil {
		s.options.Log.Info("mediator listens", "address", lis.Addr().String(), "tls", s.options.TLS != nil)
		err = s.grpc.Serve(lis)
	}
	lis.Close()
	if err != nil && s.index.ctx.Err() == nil { // not Stop's doing
		s.index.stop()
		return err
	}
	<-s.stopped
	return nil
}

// Stop refuses new calls and lets the running ones end; when the context ends first, it ends them. It may be called again, and waits.
func (s *Server) Stop(ctx context.Context) {
	s.stop.Do(func() {
		s.index.stop()
		s.health.Shutdown()
		hurry := context.AfterFunc(ctx, s.grpc.Stop)
		s.grpc.GracefulStop()
		hurry()
		s.turns.close()
		close(s.stopped)
	})
	<-s.stopped
}

// converse begins a conversation: its context ends when the caller must have its answer, end gives everything back.
func (s *Server) converse(ctx context.Context, serial string, requests int) (_ context.Context, c *conversation, end func(), err error) {
	ctx, cancel := s.budget(ctx, requests)
	address, err := s.index.lookup(ctx, serial)
	switch {
	case err != nil:
		err = registryError(ctx, serial, err)
	case !address.IsValid():
		err = flows.Errorf(flows.UnknownSerial, "Meter '%s' not known: the registry has no address for it", serial)
	}
	if err != nil {
		cancel()
		return nil, nil, nil, err
	}
	c = &conversation{
		serial: serial, address: address, place: s.turns.enter(serial, priorityOf(ctx)),
		timeout: s.options.Timeout, spacing: s.options.Spacing, dial: s.options.Dial, log: s.options.Log, metrics: s.metrics,
	}
	ended := s.metrics.conversation()
	return ctx, c, func() { c.place.leave(); cancel(); ended() }, nil
}

func priorityOf(ctx context.Context) priority {
	values := metadata.ValueFromIncomingContext(ctx, PriorityKey)
	switch {
	case len(values) == 0:
		return schedule
	case values[0] == Person:
		return person
	case values[0] == Backfill:
		return backfill
	}
	return schedule
}

// once asks one thing in a conversation of its own and gives the answering data field.
func (s *Server) once(ctx context.Context, serial string, r request) ([]byte, error) {
	ctx, c, end, err := s.converse(ctx, serial, 1)
	if err != nil {
		return nil, err
	}
	defer end()
	a := c.ask(ctx, r)
	if a.err != nil {
		return nil, a.err
	}
	return a.data, nil
}
