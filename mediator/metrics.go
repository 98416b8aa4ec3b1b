package mediator

import (
	"context"
	"path"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// metrics is what a mediator counts, for Prometheus.
type metrics struct {
	calls         *prometheus.CounterVec
	conversations prometheus.Gauge
	tries         *prometheus.CounterVec
	wait          prometheus.Histogram
	bytes         *prometheus.CounterVec
}

// newMetrics registers the metrics.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flows_mediator_calls_total",
			Help: "gRPC calls by method, status code and reason."}, []string{"method", "code", "reason"}),
		conversations: prometheus.NewGauge(prometheus.GaugeOpts{Name: "flows_mediator_conversations",
			Help: "Calls that are talking with a meter or wait for their turn."}),
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flows_mediator_tries_total",
			Help: "Tries to exchange a request and its answer with a meter, by what came of them."}, []string{"code"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "flows_mediator_wait_seconds",
			Help: "Wait for the turn at a meter, the gap between requests included.", Buckets: []float64{.01, .1, .5, 1, 2, 3, 5, 10, 30, 60}}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flows_mediator_meter_bytes_total",
			Help: "Bytes exchanged with meters."}, []string{"direction"}),
	}
	r.MustRegister(m.calls, m.conversations, m.tries, m.wait, m.bytes)
	return m
}

// options make a gRPC server count its calls.
func (m *metrics) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			out, err := next(ctx, in)
			m.call(info.FullMethod, err)
			return out, err
		}),
		grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			err := next(server, stream)
			m.call(info.FullMethod, err)
			return err
		}),
	}
}

func (m *metrics) call(method string, err error) {
	s := status.Convert(err)
	reason := ""
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	m.calls.WithLabelValues(path.Base(method), s.Code().String(), reason).Inc()
}

// conversation counts one until the returned function is called.
func (m *metrics) conversation() (ended func()) {
	m.conversations.Inc()
	return m.conversations.Dec
}

// try counts one, and what was sent and received in it.
func (m *metrics) try(a answer, sent, received int) {
	code := "OK"
	if a.err != nil {
		code = string(a.err.Code)
	}
	m.tries.WithLabelValues(code).Inc()
	m.bytes.WithLabelValues("sent").Add(float64(sent))
	m.bytes.WithLabelValues("received").Add(float64(received))
}

func (m *metrics) waited(since time.Time) { m.wait.Observe(time.Since(since).Seconds()) }
