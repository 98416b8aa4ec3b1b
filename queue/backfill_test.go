package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/emop"
)

// logs are the profile logs 1 of all meters, which begin at a time and stand at 1 Wh a half-hour since 1970, twice that on element B; there is
// no profile log 2. Answer is called for each question, the n-th of the meter at hand.
type logs struct {
	begin  time.Time
	answer func(ctx context.Context, serial string, n int) error

	mu    sync.Mutex
	asked map[string][]time.Time
}

func slotOf(t time.Time) uint32 { return uint32(t.Unix() / 1800) }

// Batch is syncer.Client's.
func (l *logs) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	a := emop.Answer{Sent: time.Now(), Tries: 1, FrameAddress: 1}
	field := items[0].DataField
	if field[0] != emop.FormatProfile1 {
		a.Err = &flows.Error{Code: flows.NAK, NAK: flows.NAKUnknownObject, Err: errors.New("unknown object")}
		return []emop.Answer{a}
	}
	at := emop.Epoch.Add(time.Duration(binary.LittleEndian.Uint32(field[1:])) * time.Second)
	l.mu.Lock()
	if l.asked == nil {
		l.asked = map[string][]time.Time{}
	}
	l.asked[serial] = append(l.asked[serial], at)
	n := len(l.asked[serial])
	l.mu.Unlock()
	if l.answer != nil {
		a.Err = l.answer(ctx, serial, n)
	}
	if a.Err != nil {
		return []emop.Answer{a}
	}
	a.Answered, a.Payload = time.Now(), slices.Clone(field[1:])
	if at.Before(l.begin) {
		at = l.begin
	}
	for end := at.Add(5 * flows.SlotLength); at.Before(end) && at.Before(time.Now()); at = at.Add(flows.SlotLength) {
		a.Payload = binary.LittleEndian.AppendUint32(a.Payload, uint32(at.Unix()-emop.Epoch.Unix()))
		a.Payload = append(a.Payload, 0, 0x80)
		a.Payload = binary.LittleEndian.AppendUint32(a.Payload, slotOf(at))
		a.Payload = binary.LittleEndian.AppendUint32(a.Payload, 2*slotOf(at))
	}
	return []emop.Answer{a}
}

func (l *logs) questions(serial string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.asked[serial])
}

// again gives how many questions were asked more than once.
func (l *logs) again(serial string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[time.Time]bool{}
	for _, at := range l.asked[serial] {
		if seen[at] {
			n++
		}
		seen[at] = true
	}
	return n
}

// fourDays begin with a whole half-hour.
func fourDays() time.Time { return time.Now().Add(-4 * 24 * time.Hour).Truncate(flows.SlotLength) }

// fetching are options of a process that does backfills, one at a time.
func fetching(l *logs) Options {
	o := quick()
	o.Backfill, o.Backfills = l, 1
	return o
}

func (b bench) backfill(q *Queue, serial string, from time.Time) {
	b.Helper()
	if err := q.Backfill(b.Context(), b.id(serial), from); err != nil {
		b.Fatal(err)
	}
}

// fetched tells of a meter's half-hours of the last four days, both elements: how many are missing, and whether all that are there are right.
// The one that has begun since the job may be missing yet.
const fetched = `
	select count(*) filter (where h.read is null), coalesce(bool_and(h.read * 1000 = extract(epoch from at) / 1800 * case when g.element = 'B' then 2 else 1 end), false)
	from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id
	cross join generate_series($2::timestamptz, now() - interval '1 hour', interval '30 minutes') at
	left join flows.register_profile_hh h on h.register_id = g.register_id and h.direction = 'import' and h."timestamp" = at
	where r.serial = $1`

const backfills = `select string_agg(state::text, ' ' order by id) from river.river_job where kind = 'meter_backfill'`

func TestABackfillFetchesWhatIsMissing(t *testing.T) {
	b, since := newBench(t, 2), fourDays()
	b.exec(`insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
		select register_id, 'import', at, extract(epoch from at) / 1800000 * case when element = 'B' then 2 else 1 end, 128
		from flows.meter_registers, generate_series($1::timestamptz, $1 + interval '30 hours', interval '30 minutes') at order by 1, 3`, since.Add(12*time.Hour))
	l := &logs{begin: since}
	q := b.start(&meters{}, fetching(l))
	b.backfill(q, "M0", time.Time{})
	b.await("completed", backfills)
	if got := b.text(fetched, "M0", since); got != "0 true" {
		t.Errorf("missing, right: %s", got)
	}
	if n := l.questions("M1"); n != 0 {
		t.Errorf("a meter that nobody asked for heard %d questions", n)
	}
	// One that finds where the log begins, and five half-hours each.
	if n, most := l.questions("M0"), 1+(4*48-61)/5+4; n > most {
		t.Errorf("%d questions, more than %d: what is there was fetched too", n, most)
	}
	b.await("true", `select count(*) > 300 from flows.register_interval_hh where import_billable`)

	before := l.questions("M0")
	b.backfill(q, "M0", time.Time{})
	b.await("completed completed", backfills)
	if n := l.questions("M0") - before; n > 1 { // half an hour may have begun
		t.Errorf("%d questions when nothing was missing", n)
	}
}

func TestABackfillThatIsInterruptedGoesOn(t *testing.T) {
	for _, c := range []struct {
		name       string
		jobTimeout time.Duration
		stuck      int    // at which question
		stored     string // when its process stops then; "" = it does not
	}{
		{"half of the job's time is over", time.Second, 29, ""},
		{"its process stops", 10 * time.Second, 29, "280"}, // ten records an answer
		{"its process stops at once", 10 * time.Second, 1, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, since := newBench(t, 1), fourDays()
			stuck := make(chan int, 1)
			l := &logs{begin: since, answer: func(ctx context.Context, _ string, n int) error {
				if n != c.stuck {
					return nil
				}
				stuck <- n
				<-ctx.Done()
				return flows.Errorf(flows.Cancelled, "cancelled")
			}}
			o := fetching(l)
			o.JobTimeout, o.StopWithin = c.jobTimeout, 100*time.Millisecond
			q := b.start(&meters{}, o)
			b.backfill(q, "M0", since)
			<-stuck
			if c.stored != "" {
				b.stop(q)
				if got := b.text(`select count(*) from flows.register_profile_hh`); got != c.stored {
					t.Errorf("%s records are stored, want %s", got, c.stored)
				}
				if got := b.text(backfills); got != "available" {
					t.Errorf("the job is %s", got)
				}
				b.start(&meters{}, o)
			}
			b.await("completed", backfills)
			if got := b.text(fetched, "M0", since); got != "0 true" {
				t.Errorf("missing, right: %s", got)
			}
			if n := l.again("M0"); n != 1 {
				t.Errorf("%d questions were asked again, want the one that had no answer", n)
			}
			if got := b.text(`select attempt from river.river_job where kind = 'meter_backfill'`); got != "1" {
				t.Errorf("%s attempts are counted: being long is no failure", got)
			}
		})
	}
}

func TestThereIsOneBackfillOfAMeter(t *testing.T) {
	b := newBench(t, 3)
	asked, goOn := make(chan string, 100), make(chan bool)
	q := b.start(&meters{}, fetching(&logs{begin: time.Now().Add(-time.Hour).Truncate(flows.SlotLength), answer: func(_ context.Context, serial string, _ int) error {
		asked <- serial
		<-goOn
		return nil
	}}))
	b.backfill(q, "M0", time.Time{})
	if got := <-asked; got != "M0" {
		t.Fatal(got)
	}
	for range 2 {
		for _, serial := range []string{"M0", "M1", "M2"} {
			b.backfill(q, serial, time.Time{})
		}
		b.backfill(q, "M2", fourDays())
	}
	if got, want := b.text(backfills), "running available available"; got != want {
		t.Errorf("jobs: %s, want %s", got, want)
	}
	close(goOn)
	b.await("completed completed completed", backfills)
	b.backfill(q, "M0", time.Time{})
	b.await("completed completed completed completed", backfills)
}

func TestBackfillsDoNotKeepTheScheduleWaiting(t *testing.T) {
	b := newBench(t, 8)
	goOn, asked := make(chan bool), make(chan string, 8)
	o := fetching(&logs{begin: fourDays(), answer: func(_ context.Context, serial string, n int) error {
		if n == 1 {
			asked <- serial
		}
		<-goOn
		return nil
	}})
	o.Workers, o.Backfills = 2, 2
	q := b.start(&meters{}, o)
	for i := range 8 {
		b.backfill(q, fmt.Sprintf("M%d", i), fourDays())
	}
	<-asked
	<-asked
	o.Backfill, o.Workers, o.Schedules = nil, 0, hourly()
	b.start(&meters{}, o)
	b.await("8 8 0 0 0 true", lastRun)
	if got, want := b.text(`select count(*) filter (where state = 'running'), count(*) filter (where state = 'available') from river.river_job where kind = 'meter_backfill'`), "2 6"; got != want {
		t.Errorf("running, waiting when the run has ended: %s, want %s", got, want)
	}
	if s, err := b.store.Status(t.Context(), ""); err != nil || s.Jobs.Waiting > 0 || !s.Jobs.Oldest.IsZero() {
		t.Errorf("backfills that wait look like a schedule that does: %+v, %v", s.Jobs, err)
	}
	close(goOn)
	b.await("8", `select count(*) from river.river_job where kind = 'meter_backfill' and state = 'completed'`)
}

func TestTroubleOfABackfill(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(n int) error
		want   string // missing, right
		asked  int    // questions; 0 = not known
	}{
		{"the meter cannot be reached: the next run goes on", func(int) error { return flows.Errorf(flows.Unreachable, "connection refused") }, "all false", 1},
		{"the mediator is away for a while", func(n int) error {
			if n < 12 {
				return flows.Errorf(flows.Mediator, "connection refused")
			}
			return nil
		}, "0 true", 0},
		{"the meter is busy for a while", func(n int) error {
			if n < 25 {
				return flows.Errorf(flows.Busy, "in use")
			}
			return nil
		}, "0 true", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, since := newBench(t, 1), fourDays()
			l := &logs{begin: since, answer: func(_ context.Context, _ string, n int) error { return c.answer(n) }}
			q := b.start(&meters{}, fetching(l))
			b.backfill(q, "M0", since)
			b.await("completed", backfills)
			got := b.text(fetched, "M0", since)
			if c.want == "all false" {
				got = b.text(`select 'all', exists (select from flows.register_profile_hh)`)
			}
			if got != c.want {
				t.Errorf("missing, right: %s, want %s", got, c.want)
			}
			if n := l.questions("M0"); c.asked > 0 && n != c.asked {
				t.Errorf("%d questions, want %d", n, c.asked)
			}
		})
	}
}

func TestNobodyIsAskedOnceTheMeterIsNoLongerRead(t *testing.T) {
	b := newBench(t, 1)
	l := &logs{begin: fourDays()}
	q := b.start(&meters{}, fetching(l))
	b.exec(`update flows.meter_registry set mode = 'passive'`)
	b.backfill(q, "M0", time.Time{})
	b.await("completed", backfills)
	if n := l.questions("M0"); n != 0 {
		t.Errorf("%d questions", n)
	}
}

func TestWhatNobodyWouldEverDoIsRefused(t *testing.T) {
	b := newBench(t, 1)
	r, err := NewRequests(b.store.Pool(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (read, gaps error) {
		return r.Read(t.Context(), b.id("M0"), flows.Hourly), r.Backfill(t.Context(), b.id("M0"), time.Time{})
	}
	refused := func(when string, wantRead, wantGaps bool) {
		t.Helper()
		read, gaps := ask()
		for _, c := range []struct {
			what string
			err  error
			want bool
		}{{"read", read, wantRead}, {"gaps", gaps, wantGaps}} {
			var no *flows.Refusal
			if got := errors.As(c.err, &no); got != c.want || !got && c.err != nil {
				t.Errorf("%s, %s: %v", when, c.what, c.err)
			}
		}
	}
	refused("no process at all", true, true)
	o := quick()
	o.Workers, o.Schedules = 0, map[flows.Frequency]Schedule{}
	b.start(&meters{}, o)
	refused("a scheduler", true, true)
	if got := b.text(`select count(*) from river.river_job`); got != "0" {
		t.Errorf("%s jobs were made", got)
	}
	q := b.start(&meters{}, quick())
	refused("a worker that does no backfills", false, true)
	b.start(&meters{}, fetching(&logs{begin: fourDays()}))
	refused("a worker", false, false)
	b.stop(q)
	b.exec(`update river.river_queue set updated_at = now() - interval '26 minutes'`)
	refused("workers without a sign", true, true)
	b.exec(`update river.river_queue set updated_at = now() - interval '11 minutes'`)
	refused("workers whose sign is a little late", false, false)
}
