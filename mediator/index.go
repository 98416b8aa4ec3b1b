package mediator

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"flows"
)

// Times of the index.
const (
	renewAfter = 5 * time.Minute  // changes are heard over a new connection, and everything is read again: the old one may be dead unnoticed
	deafLimit  = time.Minute      // everything is read again while changes cannot be heard
	firstRetry = time.Second      // after changes could not be heard; doubled from try to try
	lastRetry  = 15 * time.Second // between two tries, at most: the delay after the database has come back
	readLimit  = 2 * time.Minute  // for reading the registry
)

// index knows the address of every meter, so that meters are read while the database is away, and a changed address is used at once.
//
//	load -> hear of changes: of any -> read all; of some -> read those -+
//	             ^                                                      | lost, failed, or renewAfter over
//	             +-- wait; when deaf for deafLimit: read all -----------+
//
// Without an address here the database is asked: the meter may just have been added.
type index struct {
	registry Registry
	log      *slog.Logger
	ctx      context.Context // of everything the index does by itself
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu    sync.RWMutex
	known *addresses

	read  time.Time // all of them, for the last time; this and deaf belong to who loads and then follows
	deaf  bool      // changes are not heard, and the log says so
	tries int       // to hear that failed, one after the other
}

func newIndex(registry Registry, log *slog.Logger) *index {
	i := &index{registry: registry, log: log, known: newAddresses()}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	return i
}

// start loads the registry and then follows its changes until stop.
func (i *index) start() error {
	begun := time.Now()
	if err := i.readAll(i.ctx); err != nil {
		return fmt.Errorf("the meter registry cannot be loaded: %w", err)
	}
	i.log.Info("meter registry loaded", "meters", i.size(), "seconds", time.Since(begun).Seconds())
	i.mu.Lock() // against a stop at the same time
	defer i.mu.Unlock()
	if i.ctx.Err() == nil {
		i.done.Go(i.follow)
	}
	return nil
}

// stop ends what start began, and waits.
func (i *index) stop() {
	i.mu.Lock()
	i.cancel()
	i.mu.Unlock()
	i.done.Wait()
}

// lookup gives the address of a meter, the zero AddrPort when it has none. Errors: UNKNOWN_SERIAL, and those of the registry.
func (i *index) lookup(ctx context.Context, serial string) (netip.AddrPort, error) {
	i.mu.RLock()
	address, known := i.known.get(serial)
	i.mu.RUnlock()
	if known {
		return address, nil
	}
	err := i.registry.Addresses(ctx, []string{serial}, func(_ string, a netip.AddrPort) { address, known = a, true })
	if err == nil && !known {
		err = flows.Errorf(flows.UnknownSerial, "the registry has no meter %s", serial)
	}
	return address, err
}

// follow keeps the index as the registry is.
func (i *index) follow() {
	for {
		err := i.hear()
		if i.ctx.Err() != nil {
			return
		}
		if err == nil {
			continue
		}
		if !i.deaf {
			i.deaf = true
			i.log.Warn("changes of the meter registry are not heard; known meters are read at their last addresses", "error", err)
		}
		if time.Since(i.read) >= deafLimit {
			if err := i.readAll(i.ctx); err != nil {
				i.log.Debug("meter registry not read", "error", err)
			}
		}
		if !i.pause() {
			return
		}
	}
}

// hear applies changes until it is time to begin anew, which is no error.
func (i *index) hear() error {
	ctx, cancel := context.WithTimeout(i.ctx, renewAfter)
	defer cancel()
	err := i.registry.Changes(ctx, func(serials []string) error {
		if serials != nil {
			return i.readSome(ctx, serials)
		}
		if err := i.readAll(ctx); err != nil {
			return err
		}
		if i.deaf {
			i.log.Info("changes of the meter registry are heard again", "meters", i.size())
		}
		i.deaf, i.tries = false, 0
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		err = flows.Errorf(flows.Database, "ended without a reason")
	}
	return err
}

// pause waits before the next try to hear: twice as long as before the one before, a quarter of it by chance.
func (i *index) pause() bool {
	d := min(firstRetry<<min(i.tries, 8), lastRetry)
	i.tries++
	t := time.NewTimer(d - rand.N(d/4))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-i.ctx.Done():
		return false
	}
}

// readAll replaces everything. When it fails halfway, what it has read is true, and nothing is forgotten.
func (i *index) readAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	i.change((*addresses).begin)
	if err := i.registry.Addresses(ctx, nil, i.set); err != nil {
		return err
	}
	i.change((*addresses).sweep)
	i.read = time.Now()
	return nil
}

// readSome replaces the addresses of some meters, and forgets those of them that the registry no longer has.
func (i *index) readSome(ctx context.Context, serials []string) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	now := make(map[string]netip.AddrPort, len(serials))
	if err := i.registry.Addresses(ctx, serials, func(serial string, a netip.AddrPort) { now[serial] = a }); err != nil {
		return err
	}
	for _, serial := range serials {
		i.set(serial, now[serial])
	}
	return nil
}

func (i *index) set(serial string, address netip.AddrPort) {
	i.change(func(a *addresses) { a.set(serial, address) })
}

func (i *index) change(do func(*addresses)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	do(i.known)
}

func (i *index) size() int {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.known.len()
}
