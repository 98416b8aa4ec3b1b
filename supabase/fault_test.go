package supabase

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"
	"flows/internal/postgrest"

	"github.com/jackc/pgx/v5/pgxpool"
)

// faulty spoils some of the answers, before or after the work was done.
type faulty struct {
	*postgrest.Server

	mu     sync.Mutex
	random *rand.Rand
	spoil  func(n int, r *http.Request) string // of the nth request
	n      int
	seen   map[string]int
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.n++
	kind := f.spoil(f.n, r)
	done := f.random.IntN(2) == 0
	f.seen[kind]++
	f.mu.Unlock()
	if kind == "" {
		f.Server.ServeHTTP(w, r)
		return
	}
	rec := httptest.NewRecorder()
	if done || kind == "half" {
		f.Server.ServeHTTP(rec, r)
	}
	switch kind {
	case "429":
		w.WriteHeader(http.StatusTooManyRequests)
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html>upstream is away</html>")
	case "cut":
		panic(http.ErrAbortHandler)
	case "half":
		w.Header().Set("Content-Length", fmt.Sprint(rec.Body.Len()+10))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}
}

// site is a store whose answers are spoilt after it was opened.
func site(t *testing.T, spoil func(n int, r *http.Request) string) (*Store, *faulty, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.Pool(t)
	f := &faulty{random: rand.New(rand.NewPCG(1, 2)), seen: map[string]int{}, spoil: func(int, *http.Request) string { return "" },
		Server: &postgrest.Server{Pool: pool, Schema: "flows", APIKey: "anon", Secret: []byte("secret")}}
	h := httptest.NewServer(f)
	h.Config.ErrorLog = nil
	t.Cleanup(h.Close)
	s, err := Open(t.Context(), Options{URL: h.URL, AnonKey: "anon", RoleKey: f.Token("flows", time.Now().Add(time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.pause = time.Millisecond
	f.mu.Lock()
	f.spoil, f.n = spoil, 0
	f.mu.Unlock()
	return s, f, pool
}

func fleet(t *testing.T, s *Store, pool *pgxpool.Pool, n int) (results []flows.Result) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `insert into flows.meter_registry (serial, ip_address, port, hardware) select 'M' || i, '10.0.0.1', i, 'C1.w' from generate_series(1, $1::int) i`, n); err != nil {
		t.Fatal(err)
	}
	meters, err := s.Meters(t.Context(), flows.MeterFilter{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for i, m := range meters {
		results = append(results, flows.Result{Meter: m, Frequency: flows.Hourly, Health: flows.Healthy, ReadAt: at.Add(time.Duration(i) * time.Second),
			Shadow: flows.Shadow{ImportA: new(flows.Energy(1000 * i)), CSQ: new(i % 32)}, Events: []flows.Event{{Time: at, Type: i % 7, Set: i}}})
	}
	return results
}

func TestSpoiltAnswersLoseAndDoubleNothing(t *testing.T) {
	kinds := []string{"429", "503", "cut", "half"}
	s, f, pool := site(t, func(n int, _ *http.Request) string {
		if n%3 != 0 {
			return ""
		}
		return kinds[n/3%len(kinds)]
	})
	results := fleet(t, s, pool, 200)
	for part := range 10 {
		if err := s.Save(t.Context(), results[part*20:part*20+20]); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range kinds {
		if f.seen[k] < 10 {
			t.Errorf("%s: only %d times", k, f.seen[k])
		}
	}
	var n, wrong int
	err := pool.QueryRow(t.Context(), `
		select count(*), count(*) filter (where i.read <> (extract(epoch from i."timestamp" - '2026-03-04 12:00Z') / 10)::numeric or s.import_a <> i.read)
		from flows.register_import i join flows.meter_registers g using (register_id) join flows.meter_shadows s on s.id = g.meter_id`).Scan(&n, &wrong)
	if err != nil || n != 200 || wrong != 0 {
		t.Errorf("%d reads, %d of them wrong, %v", n, wrong, err)
	}
	err = pool.QueryRow(t.Context(), `select (select count(*) from flows.meter_event_log), (select count(*) from flows.meter_sync_log where verdict = 'healthy')`).Scan(&n, &wrong)
	if err != nil || n != 200 || wrong != 200 {
		t.Errorf("%d events, %d in the log, %v", n, wrong, err)
	}
}

func TestTroubleSaysWhatToDoAndShowsNoKey(t *testing.T) {
	pool := pgtest.Pool(t)
	p, o := project(t, pool)
	bare := pgtest.Empty(t)
	other, err := pgxpool.New(t.Context(), bare)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	_, without := project(t, other)
	for _, c := range []struct {
		name, want string
		change     func(*Options)
		code       flows.Code
	}{
		{"no address", "SUPABASE_URL is no address", func(o *Options) { o.URL = "project.supabase.co" }, ""},
		{"expired", "the role key has expired; make a new one and set FLOWS_ROLE_KEY", func(o *Options) { o.RoleKey = p.Token("flows", time.Now().Add(-time.Hour)) }, flows.Database},
		{"forged", "the keys are not accepted; check SUPABASE_ANON_KEY and FLOWS_ROLE_KEY", func(o *Options) { o.RoleKey = strings.Replace(o.RoleKey, ".", ".e", 1) }, flows.Database},
		{"wrong anon key", "the keys are not accepted", func(o *Options) { o.AnonKey = "other" }, flows.Database},
		{"a role without rights", "it needs the rights of role flows", func(o *Options) { o.RoleKey = p.Token("pg_monitor", time.Now().Add(time.Hour)) }, flows.Database},
		{"no tables", "cannot look at table meter_registry", func(o *Options) { *o = without }, flows.Database},
		{"nobody there", "cannot look at table meter_registry", func(o *Options) { o.URL = "http://127.0.0.1:1" }, flows.Database},
		{"the extra one", "SUPABASE_ANON_KEY_EXTRA and FLOWS_ROLE_KEY_EXTRA", func(o *Options) { o.AnonKey, o.Suffix = "other", "_EXTRA" }, flows.Database},
	} {
		asked := o
		c.change(&asked)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		s, err := Open(ctx, asked)
		cancel()
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, c.want) || strings.ContainsAny(text, "\n\t") || strings.Contains(text, asked.RoleKey) || flows.CodeOf(err, "") != c.code {
			t.Errorf("%s: %q, code %q", c.name, text, flows.CodeOf(err, ""))
		}
	}
}

func TestARefusalIsNotTriedAgain(t *testing.T) {
	s, f, pool := site(t, func(int, *http.Request) string { return "" })
	results := fleet(t, s, pool, 1)
	if _, err := pool.Exec(t.Context(), `alter table flows.meter_shadows add check (csq <> 0)`); err != nil {
		t.Fatal(err)
	}
	before := f.n
	err := s.Save(t.Context(), results)
	if !flows.Refused(err) || !strings.Contains(err.Error(), "cannot save meter M1") || f.n-before > 3 {
		t.Errorf("after %d requests: %v", f.n-before, err)
	}
	if _, err := pool.Exec(t.Context(), `delete from flows.meter_shadows`); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), results); !flows.Refused(err) || !strings.Contains(err.Error(), "no row in meter_shadows") {
		t.Errorf("a shadow that is not there: %v", err)
	}
}

func TestKeysThatAreNoJWTStandInTheOtherHeader(t *testing.T) {
	var got http.Header
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		_, _ = io.Copy(w, bytes.NewReader([]byte("[]")))
	}))
	defer h.Close()
	s, err := Open(t.Context(), Options{URL: h.URL, AnonKey: "sb_publishable_x", RoleKey: "sb_secret_y"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got.Get("apikey") != "sb_secret_y" || got.Get("Authorization") != "" || got.Get("Accept-Profile") != "flows" {
		t.Errorf("%v", got)
	}
}
