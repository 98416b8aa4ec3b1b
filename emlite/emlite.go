// Package emlite is the client of the mediators: it reads and writes one meter through the one mediator that the meter belongs to.
package emlite

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"flows/emop"
	"flows/mediator/mediatorpb"
)

// Priority says who goes first when several want to talk to a meter.
type Priority string

// A person goes before the schedule, a backfill behind it.
const (
	Schedule Priority = ""
	Person   Priority = "person"
	Backfill Priority = "backfill"
)

const priorityKey = "flows-priority"

// Options of a Client. Timeout and Spacing are the mediators' (EMLITE_TIMEOUT_SECONDS, METER_SPACING_SECONDS): deadlines follow from them.
type Options struct {
	Timeout  time.Duration
	Spacing  time.Duration
	Priority Priority
	TLS      *tls.Config // nil: plain
}

// Client talks to all mediators of an installation.
type Client struct {
	options   Options
	addresses []string // as in mediators
	mediators map[string]*remote
}

// remote is the connection to one of them.
type remote struct {
	address  string
	conn     *grpc.ClientConn
	elements mediatorpb.EmliteMediatorServiceClient
	info     mediatorpb.InfoServiceClient
	old      atomic.Bool // it has no readBatch: a mediator of the field
}

// Dial makes a client of the mediators at the addresses (host:port). It connects when it is first used.
func Dial(addresses []string, o Options) (*Client, error) {
	if o.Timeout <= 0 || o.Spacing < 0 {
		return nil, fmt.Errorf("time-out %s and spacing %s of meters must be positive", o.Timeout, o.Spacing)
	}
	c := &Client{options: o, mediators: map[string]*remote{}}
	for _, address := range addresses {
		if c.mediators[address] != nil {
			continue
		}
		m, err := dial(address, o.TLS)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.addresses = append(c.addresses, address)
		c.mediators[address] = m
	}
	if len(c.addresses) == 0 {
		return nil, errors.New("no mediator is named: give host:port")
	}
	return c, nil
}

func dial(address string, t *tls.Config) (*remote, error) {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("%q is not host:port", address)
	}
	transport := insecure.NewCredentials()
	if t != nil {
		transport = credentials.NewTLS(t)
	}
	// A mediator that comes back is found again within seconds; its calls are never repeated behind our back.
	conn, err := grpc.NewClient("dns:///"+address,
		grpc.WithTransportCredentials(transport), grpc.WithNoProxy(), grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", address, err)
	}
	return &remote{
		address: address, conn: conn,
		elements: mediatorpb.NewEmliteMediatorServiceClient(conn), info: mediatorpb.NewInfoServiceClient(conn),
	}, nil
}

// Close closes the connections to the mediators.
func (c *Client) Close() error {
	var failed []error
	for _, m := range c.mediators {
		failed = append(failed, m.conn.Close())
	}
	return errors.Join(failed...)
}

// of gives the mediator that the meter belongs to.
func (c *Client) of(serial string) *remote { return c.mediators[owner(c.addresses, serial)] }

// perRequest is what a request takes of a budget beside the spacing.
const perRequest = 1500 * time.Millisecond

// prepare gives the call its priority, and a deadline for that many requests; an earlier one stays.
func (c *Client) prepare(ctx context.Context, requests int) (context.Context, context.CancelFunc) {
	if c.options.Priority != Schedule {
		ctx = metadata.AppendToOutgoingContext(ctx, priorityKey, string(c.options.Priority))
	}
	return context.WithTimeout(ctx, 3*c.options.Timeout+time.Duration(requests)*(c.options.Spacing+perRequest)+time.Second)
}

// Meter is one meter as a source of objects.
type Meter struct {
	client *Client
	serial string
}

var _ emop.Source = Meter{}

// Meter gives the meter of that serial.
func (c *Client) Meter(serial string) Meter { return Meter{client: c, serial: serial} }

// ReadObject reads the payload of one object.
func (m Meter) ReadObject(ctx context.Context, id emop.ID) ([]byte, error) {
	return m.client.Read(ctx, m.serial, id)
}
