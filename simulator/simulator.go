// Package simulator is a fleet of simulated Emlite meters over real TCP: each has a physical model that is a pure function of time,
// behaves or misbehaves as meters in the field do, and keeps a ledger of what it answered.
//
// # Addresses
//
// Each meter has a loopback address of its own, counted up from Options.Listen, and all share one port (0 picks a free one). Linux
// routes the whole of 127.0.0.0/8 to itself, so nothing needs to be set up. Up to 1024 meters have a listener each, and nothing listens
// at a dead one; a larger fleet shares one listener bound to the loopback interface, where the local address of a connection tells the
// meter and a dead one resets it at once. A shared listener takes its port on every loopback address. Where 127.0.0.0/8 is not local
// (macOS), set PortPerMeter: one address, a port per meter.
//
// Its encoders are written by hand from the facts of the wire and share nothing with the decoders of package emop.
package simulator

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options make a fleet. The zero value of each field but Meters is useful.
type Options struct {
	Meters       int
	Seed         uint64
	Listen       string // first address and port, loopback only; "" = 127.20.0.1:0
	PortPerMeter bool   // all meters at one address, each with a port of its own

	Latency Latency       // of answers
	Spacing time.Duration // what the fleet's callers keep between requests; see Gap
	Faults  FaultShares   // how many meters misbehave
	LogDays int           // how far the profile logs reach back; 0, and more than 90, is 90

	// Meter, when set, changes the i-th meter before it is built.
	Meter func(i int, s *Spec)

	Now      func() time.Time // of the physical model; nil = time.Now. The ledger's times are always real ones
	NoLedger bool             // for long runs with many meters: only count
	Log      *slog.Logger
}

// Fleet is a number of meters. Its methods may be called from several goroutines.
type Fleet struct {
	o     Options
	slots []slot
	now   func() time.Time // of the physics
	clock func() time.Time // of the ledger and of gaps
	log   *slog.Logger

	requests    atomic.Int64
	connections atomic.Int64

	mu        sync.Mutex
	state     state
	first     netip.AddrPort         // of the first meter, with the port chosen
	shared    bool                   // one listener for all
	listeners map[net.Listener]*slot // nil slot: the shared one
	conns     map[net.Conn]struct{}  // to close at the end
	ctx       context.Context        // of everything that waits
	cancel    context.CancelFunc
	detach    func() bool
	wg        sync.WaitGroup
}

type state int

const (
	fresh state = iota
	running
	stopped
)

// slot is one place of the fleet: a registered serial at an address, and the meter that stands there.
type slot struct {
	serial string // as registered
	index  int
	port   uint16 // with PortPerMeter

	mu         sync.Mutex
	m          meter
	behaviours []Behaviour
	heard      int64     // requests
	spoke      time.Time // when the last answer began to leave
	answers    []Answer
}

// New builds a fleet. The same options give the same meters with the same behaviours.
func New(o Options) *Fleet {
	f := &Fleet{o: o, slots: make([]slot, max(o.Meters, 0)), now: o.Now, clock: time.Now, log: o.Log}
	if f.now == nil {
		f.now = time.Now
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	for i := range f.slots {
		spec := draw(o, i)
		if o.Meter != nil {
			o.Meter(i, &spec)
		}
		s := &f.slots[i]
		s.index, s.serial, s.behaviours = i, serialOf(o.Seed, i), spec.Behaviours
		who := i
		if has(spec.Behaviours, Foreign) {
			who = i + len(f.slots)
		}
		s.m = newMeter(o.Seed, who, spec)
		s.m.reach, s.m.faults = int64(o.LogDays), logFaults(spec.Behaviours)
		s.m.stand(spec.Behaviours, millis(f.now()))
	}
	return f
}

// Meter is what a registry may know of a slot, and what tells a test what to expect of it.
type Meter struct {
	Serial       string // as registered
	Address      netip.AddrPort
	Hardware     string // true name, as a registry holds it
	Name         string
	FuseRating   int // A
	Phases       int
	Behaviour    []string
	OwnSerial    string // of the meter that stands there: another one when foreign
	FrameAddress uint32 // of the meter that stands there
	Reachable    bool   // answers at all, be it after a retry
}

// Meters lists the fleet. Addresses are final once Start has returned.
func (f *Fleet) Meters() []Meter {
	all := make([]Meter, len(f.slots))
	for i := range f.slots {
		all[i] = f.meter(&f.slots[i])
	}
	return all
}

func (f *Fleet) meter(s *slot) Meter {
	address := f.address(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := Meter{
		Serial: s.serial, Address: address, Hardware: s.m.hardware, Name: fmt.Sprintf("Plot %d", s.index+1), FuseRating: s.m.fuse(), Phases: s.m.phases(),
		OwnSerial: s.m.serial, FrameAddress: s.m.address, Reachable: true,
	}
	for _, b := range s.behaviours {
		m.Behaviour = append(m.Behaviour, string(b.Kind))
		m.Reachable = m.Reachable && !b.mute()
	}
	return m
}

// Requests counts the whole requests the fleet has heard, Connections the connections it has accepted.
func (f *Fleet) Requests() int64    { return f.requests.Load() }
func (f *Fleet) Connections() int64 { return f.connections.Load() }
