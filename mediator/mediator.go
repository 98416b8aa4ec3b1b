// Package mediator is the gRPC server between syncers and meters, and the only opener of sockets to meters: one conversation a meter,
// requests spaced, reads retried inside the caller's deadline, writes sent once.
//
//	gRPC call -> turns (whose request is next) -> conversation (tries, budget) -> connection (one exchange) -> TCP
package mediator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Registry knows the meters. What it cannot find out is a *flows.Error with DATABASE.
type Registry interface {
	// Addresses calls each for the meters of the serials, or for all meters when none are given; a meter without an address has the
	// zero AddrPort. Serials that it does not know are left out.
	Addresses(ctx context.Context, serials []string, each func(serial string, address netip.AddrPort)) error
	// Changes calls each with the serials of meters that may have changed, nil for any: at first, when it has begun to listen, and
	// whenever it cannot tell. Calls come one after the other. It returns when it can no longer hear, when the context ends, or when
	// each gives an error.
	Changes(ctx context.Context, each func(serials []string) error) error
	// Info gives {"registry": row, "shadow": row} of a meter. Errors: UNKNOWN_SERIAL when there is no such meter.
	Info(ctx context.Context, serial string) (json []byte, err error)
	// Meters gives the rows of get_meters_for_cli, an array; esco "" means all.
	Meters(ctx context.Context, esco string) (json []byte, err error)
}

// Defaults that the field has found to work.
const (
	DefaultTimeout   = 10 * time.Second
	DefaultSpacing   = 2 * time.Second
	DefaultIdleClose = time.Second
)

// Identify says who calls: the name and role in the certificate of a connection's caller. It is not ok when there is none that says both.
type Identify func(tls.ConnectionState) (name, role string, ok bool)

// Options of a Server. Zero is a value, not a default: Defaults gives those.
type Options struct {
	Timeout   time.Duration // of one try, connecting included (EMLITE_TIMEOUT_SECONDS)
	Spacing   time.Duration // between two requests to a meter (METER_SPACING_SECONDS); 0, for simulated fleets only, is no gap
	IdleClose time.Duration // how long a connection is kept that nobody waits for

	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: straight
	Log     *slog.Logger                                                         // nil: slog.Default()
	Metrics prometheus.Registerer                                                // nil: counted, not shown

	TLS      *tls.Config // nil: plain, and every caller may do everything
	Identify Identify    // goes with TLS
}

// Defaults gives the options of a mediator in the field.
func Defaults() Options {
	return Options{Timeout: DefaultTimeout, Spacing: DefaultSpacing, IdleClose: DefaultIdleClose}
}

// Validate names every setting that cannot be.
func (o Options) Validate() error {
	var wrong []error
	if o.Timeout < 10*time.Millisecond || o.Timeout > 5*time.Minute {
		wrong = append(wrong, fmt.Errorf("EMLITE_TIMEOUT_SECONDS: %s is not between 0.01 s and 300 s", o.Timeout))
	}
	if o.Spacing < 0 || o.Spacing > time.Minute {
		wrong = append(wrong, fmt.Errorf("METER_SPACING_SECONDS: %s is not between 0 s and 60 s", o.Spacing))
	}
	if o.IdleClose < 0 || o.IdleClose > time.Minute {
		wrong = append(wrong, fmt.Errorf("the idle time of connections: %s is not between 0 s and 60 s", o.IdleClose))
	}
	if o.TLS != nil && o.Identify == nil {
		wrong = append(wrong, errors.New("with TLS somebody must say who calls"))
	}
	return errors.Join(wrong...)
}
