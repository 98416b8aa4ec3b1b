package mediator

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows"
	"flows/mediator/mediatorpb"
)

// roll is a registry that a test changes and breaks.
type roll struct {
	told chan []string // to tell of changes
	lost chan error    // ends the listening

	mu     sync.Mutex
	meters book
	away   error       // of reading
	deaf   error       // of listening
	heard  int         // times that somebody began to listen
	asked  []string    // serials of each reading, "" for all
	times  []time.Time // of those
}

func newRoll(meters book) *roll {
	return &roll{told: make(chan []string), lost: make(chan error), meters: meters}
}

func (r *roll) Addresses(ctx context.Context, serials []string, each func(string, netip.AddrPort)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.times = append(r.asked, strings.Join(serials, " ")), append(r.times, time.Now())
	if r.away != nil {
		return r.away
	}
	return r.meters.Addresses(ctx, serials, each)
}

func (r *roll) Changes(ctx context.Context, each func([]string) error) error {
	r.mu.Lock()
	deaf := r.deaf
	r.heard++
	r.mu.Unlock()
	if deaf != nil {
		return deaf
	}
	for serials := []string(nil); ; {
		if err := each(serials); err != nil {
			return err
		}
		select {
		case serials = <-r.told:
		case err := <-r.lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *roll) Info(ctx context.Context, serial string) ([]byte, error) {
	return r.meters.Info(ctx, serial)
}
func (r *roll) Meters(context.Context, string) ([]byte, error) { return []byte("[]"), nil }

// change does something to the registry.
func (r *roll) change(do func(r *roll)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(r)
}

// since gives what was asked after the last call, and when, after the beginning of the test.
func (r *roll) since() (asked []string, times []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked, times = r.asked, r.times
	r.asked, r.times = nil, nil
	return asked, times
}

// following runs a test in fake time with an index that follows the registry.
func following(t *testing.T, meters book, test func(t *testing.T, r *roll, i *index)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRoll(meters)
		i := newIndex(r, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err := i.start(); err != nil {
			t.Fatal(err)
		}
		defer i.stop()
		synctest.Wait()
		r.since()
		test(t, r, i)
	})
}

// check looks a serial up; want is its address, "" for none, or the code of the error.
func check(t *testing.T, i *index, serial, want string) {
	t.Helper()
	address, err := i.lookup(t.Context(), serial)
	got := string(flows.CodeOf(err, flows.Database))
	if err == nil && address.IsValid() {
		got = address.String()
	}
	if got != want {
		t.Errorf("%s: %s (%v), want %q", serial, got, err, want)
	}
}

var errDown = errors.New("connection refused")

const home, moved = "10.0.0.1:8080", "10.0.0.2:8081"

func TestKnownMetersAreAnsweredWithoutTheDatabase(t *testing.T) {
	long := "EML" + strings.Repeat("7", 29)
	following(t, book{"M1": mustAddress(home), "V6": mustAddress("[2001:db8::1]:80"), long: mustAddress(moved), "bare": {}}, func(t *testing.T, r *roll, i *index) {
		known := func() {
			t.Helper()
			check(t, i, "M1", home)
			check(t, i, "V6", "[2001:db8::1]:80")
			check(t, i, long, moved)
		}
		known()
		if asked, _ := r.since(); len(asked) > 0 {
			t.Errorf("asked for %q", asked)
		}
		check(t, i, "bare", "")
		check(t, i, "none", "UNKNOWN_SERIAL")
		if asked, _ := r.since(); !slices.Equal(asked, []string{"bare", "none"}) {
			t.Errorf("asked for %q", asked)
		}
		r.change(func(r *roll) { r.away, r.meters["new"] = errDown, mustAddress(moved) })
		known()
		check(t, i, "new", "DATABASE")
		check(t, i, "bare", "DATABASE")
		r.change(func(r *roll) { r.away = nil })
		check(t, i, "new", moved)
	})
}

func TestAChangeIsUsedAsSoonAsItIsHeard(t *testing.T) {
	following(t, book{"M1": mustAddress(home), "M2": mustAddress(moved), "M3": mustAddress("10.0.0.3:1")}, func(t *testing.T, r *roll, i *index) {
		for _, c := range []struct {
			name    string
			change  func(b book)
			told    []string
			m1, m2  string
			reading string
		}{
			{"address", func(b book) { b["M1"] = mustAddress("[::1]:1") }, []string{"M1"}, "[::1]:1", moved, "M1"},
			{"back", func(b book) { b["M1"] = mustAddress(home) }, []string{"M1"}, home, moved, "M1"},
			{"swapped", func(b book) { b["M1"], b["M2"] = b["M2"], b["M1"] }, []string{"M1", "M2"}, moved, home, "M1 M2"},
			{"address removed", func(b book) { b["M1"] = netip.AddrPort{} }, []string{"M1"}, "", home, "M1"},
			{"deleted", func(b book) { delete(b, "M2") }, []string{"M2"}, "", "UNKNOWN_SERIAL", "M2"},
			{"many", func(b book) { b["M1"], b["M2"] = mustAddress(home), mustAddress(moved) }, nil, home, moved, ""},
			{"many deleted", func(b book) { clear(b) }, nil, "UNKNOWN_SERIAL", "UNKNOWN_SERIAL", ""},
		} {
			r.change(func(r *roll) { c.change(r.meters) })
			r.told <- c.told
			synctest.Wait()
			if asked, _ := r.since(); !slices.Equal(asked, []string{c.reading}) {
				t.Errorf("%s: read %q, want %q", c.name, asked, c.reading)
			}
			check(t, i, "M1", c.m1)
			check(t, i, "M2", c.m2)
			r.since()
		}
		if got := i.size(); got != 0 {
			t.Errorf("%d meters are left", got)
		}
	})
}

func TestEverythingIsReadAgainAsSoonAsListeningBeginsAgain(t *testing.T) {
	following(t, book{"M1": mustAddress(home)}, func(t *testing.T, r *roll, i *index) {
		for _, next := range []string{moved, home, moved, home} {
			r.change(func(r *roll) { r.meters["M1"] = mustAddress(next) }) // not told
			begun := time.Now()
			r.lost <- errDown
			time.Sleep(firstRetry)
			synctest.Wait()
			check(t, i, "M1", next)
			asked, times := r.since()
			if !slices.Equal(asked, []string{""}) || times[0].Sub(begun) < firstRetry/2 {
				t.Errorf("read %q at %s", asked, times)
			}
		}
	})
}

func TestListeningBeginsAnewBeforeItCanDieUnnoticed(t *testing.T) {
	following(t, book{"M1": mustAddress(home)}, func(t *testing.T, r *roll, i *index) {
		r.change(func(r *roll) { r.meters["M1"] = mustAddress(moved) })
		time.Sleep(renewAfter - time.Second)
		check(t, i, "M1", home)
		time.Sleep(time.Second)
		synctest.Wait()
		check(t, i, "M1", moved)
		if r.heard != 2 {
			t.Errorf("listened %d times", r.heard)
		}
	})
}

func TestAChangeThatCouldNotBeReadIsNotLost(t *testing.T) {
	following(t, book{"M1": mustAddress(home)}, func(t *testing.T, r *roll, i *index) {
		r.change(func(r *roll) { r.away, r.meters["M1"] = errDown, mustAddress(moved) })
		r.told <- []string{"M1"}
		synctest.Wait()
		check(t, i, "M1", home)
		r.change(func(r *roll) { r.away = nil })
		time.Sleep(firstRetry)
		synctest.Wait()
		check(t, i, "M1", moved)
	})
}

func TestWhoCannotHearReadsEveryMinuteAndTriesAtMostEvery15Seconds(t *testing.T) {
	following(t, book{"M1": mustAddress(home)}, func(t *testing.T, r *roll, i *index) {
		r.change(func(r *roll) { r.deaf = errDown })
		r.lost <- errDown
		time.Sleep(time.Hour)
		synctest.Wait()
		_, times := r.since()
		if got := len(times); got < 40 || got > 60 {
			t.Errorf("read %d times in an hour", got)
		}
		for n := 1; n < len(times); n++ {
			if gap := times[n].Sub(times[n-1]); gap < deafLimit || gap > deafLimit+lastRetry {
				t.Errorf("a reading %s after the one before", gap)
			}
		}
		if r.heard < 230 || r.heard > 330 {
			t.Errorf("tried to hear %d times in an hour", r.heard)
		}
		r.change(func(r *roll) { r.deaf, r.meters["M1"] = nil, mustAddress(moved) })
		time.Sleep(lastRetry)
		synctest.Wait()
		check(t, i, "M1", moved)
	})
}

func TestAReadingThatFailsHalfwayForgetsNothing(t *testing.T) {
	i := newIndex(halves{}, slog.New(slog.DiscardHandler))
	i.set("M1", mustAddress(home))
	i.set("M2", mustAddress(home))
	if err := i.readAll(t.Context()); err == nil {
		t.Error("no error")
	}
	check(t, i, "M1", moved)
	check(t, i, "M2", home)
	i.stop()
}

// halves is a registry that breaks after its first meter.
type halves struct{ book }

func (halves) Addresses(_ context.Context, _ []string, each func(string, netip.AddrPort)) error {
	each("M1", mustAddress(moved))
	return errDown
}

func TestOutagesAreLoggedOnceEach(t *testing.T) {
	log := &lockedBuffer{}
	synctest.Test(t, func(t *testing.T) {
		r := newRoll(book{"M1": mustAddress(home)})
		i := newIndex(r, slog.New(slog.NewTextHandler(log, nil)))
		if err := i.start(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			synctest.Wait()
			r.change(func(r *roll) { r.deaf, r.away = errDown, errDown })
			r.lost <- errDown
			time.Sleep(10 * time.Minute)
			r.change(func(r *roll) { r.deaf, r.away = nil, nil })
			time.Sleep(lastRetry)
		}
		i.stop()
	})
	for text, want := range map[string]int{"registry loaded": 1, "are not heard": 2, "heard again": 2, "\n": 5} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%q: %d times, want %d in\n%s", text, got, want, log)
		}
	}
}

func TestServeFailsWithoutTheRegistry(t *testing.T) {
	r := newRoll(book{})
	r.away = errDown
	s, err := New(r, Defaults())
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(lis); !errors.Is(err, errDown) || !strings.Contains(err.Error(), "registry cannot be loaded") {
		t.Errorf("got %v", err)
	}
	if _, err := lis.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it still listens: %v", err)
	}
	s.Stop(t.Context())
}

// stuck is a registry that answers nothing.
type stuck struct {
	book
	asked chan struct{}
}

func (s stuck) Addresses(ctx context.Context, _ []string, _ func(string, netip.AddrPort)) error {
	close(s.asked)
	<-ctx.Done()
	return ctx.Err()
}

func TestStopEndsALoadUnderWay(t *testing.T) {
	r := stuck{asked: make(chan struct{})}
	s, err := New(r, Defaults())
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	<-r.asked
	s.Stop(t.Context())
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestTheDatabaseAwayIsNeverAnUnknownMeter(t *testing.T) {
	r := newRoll(book{serial: mustAddress("127.0.0.1:8080")})
	m, _ := serve(t, r, &fake{})
	read := func(serial string, want codes.Code, reason string) {
		t.Helper()
		_, err := m.ReadElement(t.Context(), &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: csq})
		if got, _ := reasonOf(t, err); status.Code(err) != want || got != reason {
			t.Errorf("%s: %v, want %s with %s", serial, err, want, reason)
		}
	}
	r.told <- nil // is taken when the registry is loaded
	r.change(func(r *roll) { r.away = errDown })
	read(serial, codes.OK, "")
	read("new", codes.Unavailable, "DATABASE")
	r.change(func(r *roll) { r.away = nil })
	read("new", codes.NotFound, "UNKNOWN_SERIAL")
	r.change(func(r *roll) { r.meters["new"] = mustAddress("127.0.0.1:8081") })
	read("new", codes.OK, "")
}
