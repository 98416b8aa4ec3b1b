package queue

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"flows"
	"flows/emop"
	"flows/internal/pgtest"
	"flows/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// meters answers for all meters: answer is called for each batch, and what it gives becomes each item's answer.
type meters struct {
	mu     sync.Mutex
	asked  []string
	answer func(ctx context.Context, serial string) error
}

// Batch is syncer.Client's.
func (m *meters) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	m.mu.Lock()
	m.asked = append(m.asked, serial)
	m.mu.Unlock()
	sent := time.Now()
	var err error
	if m.answer != nil {
		err = m.answer(ctx, serial)
	}
	answers := make([]emop.Answer, len(items))
	for i := range answers {
		answers[i] = emop.Answer{Payload: []byte{17}, Sent: sent, Answered: time.Now(), FrameAddress: 1, Tries: 1}
		if err != nil {
			answers[i].Payload, answers[i].Err = nil, err
		}
	}
	return answers
}

func (m *meters) times(serial string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.asked {
		if s == serial {
			n++
		}
	}
	return n
}

// bench is a database with meters M0, M1, … of which signal quality is read hourly.
type bench struct {
	*testing.T
	store *postgres.Store
}

func newBench(t *testing.T, n int) bench {
	t.Helper()
	store, err := postgres.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	b := bench{t, store}
	var all []flows.Registration
	for i := range n {
		ip := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		all = append(all, flows.Registration{Serial: fmt.Sprintf("M%d", i), Address: &ip, Hardware: new("C1.w")})
	}
	if _, _, err := store.Register(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	b.exec(`update flows.meter_registry set frame_address = 1`)
	b.exec(`update flows.meter_shadows set last_healthy_at = now()`)
	b.exec(`delete from flows.meter_metrics`)
	b.exec(`insert into flows.meter_metrics (name, run_frequency) values ('SyncerCSQ', 'hourly')`)
	return b
}

func (b bench) exec(sql string, args ...any) {
	b.Helper()
	if _, err := b.store.Pool().Exec(b.Context(), sql, args...); err != nil {
		b.Fatalf("%v\n%s", err, sql)
	}
}

// text gives the one row of a query, values separated by spaces.
func (b bench) text(sql string, args ...any) string {
	b.Helper()
	rows, _ := b.store.Pool().Query(b.Context(), sql, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return strings.Trim(fmt.Sprint(values), "[]"), err
	})
	if err != nil {
		b.Fatalf("%v\n%s", err, sql)
	}
	return strings.Join(list, "\n")
}

func (b bench) id(serial string) string {
	b.Helper()
	return b.text(`select id::text from flows.meter_registry where serial = $1`, serial)
}

// await asks the database until it says so.
func (b bench) await(want, sql string, args ...any) {
	b.Helper()
	again, limit := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer again.Stop()
	for {
		got := b.text(sql, args...)
		if got == want {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			b.Fatalf("got %q, want %q of %s\njobs:\n%s", got, want, sql, b.text(`select kind, args, state, attempt, errors from river.river_job order by id limit 10`))
		}
	}
}

// quick suits tests.
func quick() Options {
	o := Defaults()
	o.JobTimeout, o.RescueAfter, o.Retry, o.StopWithin, o.Workers = 10*time.Second, 15*time.Second, 0, 5*time.Second, 4
	return o
}

// hourly is a schedule whose only tick is past.
func hourly() map[flows.Frequency]Schedule {
	return map[flows.Frequency]Schedule{flows.Hourly: Every(time.Hour)}
}

// start runs a queue until the test ends.
func (b bench) start(m *meters, o Options) *Queue {
	b.Helper()
	return b.startWith(b.store, m, o)
}

func (b bench) startWith(s Store, m *meters, o Options) *Queue {
	b.Helper()
	q, err := New(b.store.Pool(), s, m, o)
	if err != nil {
		b.Fatal(err)
	}
	if err := q.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.stop(q) })
	return q
}

func (b bench) stop(q *Queue) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		b.Errorf("stop: %v", err)
	}
}

const lastRun = `select meters, healthy, unhealthy, skipped, not_done, finished_at is not null from flows.sync_runs order by id desc limit 1`
