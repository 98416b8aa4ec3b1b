package schema_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

var midnight = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)

// record is a profile record at a number of minutes after midnight.
type record struct {
	minute int
	read   int // Wh
	status int
	late   int // minutes after its own time that it was received; below 0 it came from the future
}

func (r record) time() time.Time { return midnight.Add(time.Duration(r.minute) * time.Minute) }

// valid makes records with the valid bit, half an hour apart; -1 is none.
func valid(reads ...int) (list []record) {
	for i, read := range reads {
		if read >= 0 {
			list = append(list, record{minute: 30 * i, read: read, status: 128})
		}
	}
	return list
}

// register makes a meter and gives its register's id.
func register(t *testing.T, conn *pgx.Conn, serial, hardware string) string {
	t.Helper()
	return rows(t, conn, `select register_id::text from flows.meter_registers where meter_id = $1::text::uuid and element <> 'B'`, meter(t, conn, serial, hardware))
}

// arrive stores records in one statement, in their order; those that are there stay.
func arrive(t *testing.T, conn *pgx.Conn, register, direction string, records ...record) {
	t.Helper()
	var at, received []time.Time
	var reads, status []int
	for _, r := range records {
		at, received = append(at, r.time()), append(received, r.time().Add(time.Duration(r.late)*time.Minute))
		reads, status = append(reads, r.read), append(status, r.status)
	}
	exec(t, conn, `insert into flows.register_profile_hh (register_id, direction, timestamp, read, status, received_at)
		select $1::text::uuid, $2, v.at, v.read / 1000.0, v.status, v.received
		from unnest($3::timestamptz[], $4::int[], $5::int[], $6::timestamptz[]) with ordinality v (at, read, status, received, n) order by n
		on conflict do nothing`, register, direction, at, reads, status, received)
}

// intervals is every row of a register, in Wh: minute, import, export, with all that goes with them where it is not the trigger's.
func intervals(t *testing.T, conn *pgx.Conn, register string) string {
	t.Helper()
	const half = `case when num_nonnulls(%[1]s_quality, %[1]s_method, %[1]s_reason) = 0 then 'nothing'
		when %[1]s_quality = 'actual' and %[1]s_method = 'difference' and %[1]s_reason = '' then trim_scale(%[1]s_interval * 1000)::text
		else concat_ws('/', trim_scale(%[1]s_interval * 1000)::text, %[1]s_quality, %[1]s_method, %[1]s_reason) end ||
		case when %[1]s_billable is null then '' else '/' || %[1]s_billable end`
	return rows(t, conn, fmt.Sprintf(`select (extract(epoch from timestamp - $2) / 60)::int, %s, %s from flows.register_interval_hh
		where register_id = $1::text::uuid order by timestamp`, fmt.Sprintf(half, "import"), fmt.Sprintf(half, "export")), register, midnight)
}

// exact is rule A.1 by brute force over all the records of one direction: the differences by minute. Limit 0 is none.
func exact(records []record, limit int) map[int]int {
	var usable []record
	for _, r := range records {
		if r.status&128 != 0 && r.minute%30 == 0 && r.late >= -1 {
			usable = append(usable, r)
		}
	}
	slices.SortFunc(usable, func(a, b record) int { return a.minute - b.minute })
	low := func(i int) bool { return i > 0 && usable[i].read < usable[i-1].read }
	found := map[int]int{}
	for i := 0; i+1 < len(usable); i++ {
		x, y := usable[i], usable[i+1]
		if y.minute-x.minute == 30 && y.read >= x.read && (limit == 0 || y.read-x.read <= limit) && !low(i) && (i == 0 || !low(i-1)) {
			found[x.minute] = y.read - x.read
		}
	}
	return found
}

// both prints the reference as intervals does.
func both(imported, exported map[int]int) string {
	var lines []string
	for minute := -120; minute < 3000; minute += 30 {
		i, hasImport := imported[minute]
		e, hasExport := exported[minute]
		if !hasImport && !hasExport {
			continue
		}
		words := []string{fmt.Sprint(minute), "nothing", "nothing"}
		if hasImport {
			words[1] = fmt.Sprint(i)
		}
		if hasExport {
			words[2] = fmt.Sprint(e)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

// randomRecords is a history with everything that happens to a log: falls, jumps, holes, records off the half-hour, invalid ones, the future.
func randomRecords(r *rand.Rand, limit int) (list []record) {
	read := r.IntN(2000)
	for minute := 0; minute < 30*(3+r.IntN(9)); minute += 30 {
		switch r.IntN(12) {
		case 0:
			read -= min(read, 1+r.IntN(300))
		case 1:
			read += limit - 1 + r.IntN(3)
		case 2, 3:
		default:
			read += r.IntN(100)
		}
		one := record{minute: minute, read: read, status: 128}
		switch r.IntN(14) {
		case 0, 1:
			continue
		case 2:
			one.status = 256
		case 3:
			one.status = 128 | 64 | 256
		case 4:
			one.minute += 1 + r.IntN(29)
		case 5:
			one.late = -1 - r.IntN(2)
		case 6:
			one.read = max(0, read-r.IntN(200))
		}
		list = append(list, one)
	}
	return list
}

func TestExactIntervalsAreThoseOfTheReferenceInAnyOrderOfArrival(t *testing.T) {
	conn := migrated(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	const histories, orders, limit = 300, 4, 15180
	for h := range histories {
		imported, exported := randomRecords(random, limit), randomRecords(random, limit)
		want := both(exact(imported, limit), exact(exported, limit))
		for order := range orders {
			id := register(t, conn, fmt.Sprintf("M%d/%d", h, order), "C1.w")
			for _, d := range []string{"import", "export", "import"} { // some of import, export, the rest of import
				records := map[string][]record{"import": imported, "export": exported}[d]
				if order > 0 {
					random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
				}
				for rest := records; len(rest) > 0; { // pieces of any size, with some records again
					n := 1 + random.IntN(len(rest))
					arrive(t, conn, id, d, append(slices.Clone(rest[:n]), records[random.IntN(len(records))])...)
					rest = rest[n:]
				}
			}
			if diff := cmp.Diff(want, intervals(t, conn, id)); diff != "" {
				t.Fatalf("seed %d, history %d, order %d: %+v %+v (-want +got):\n%s", seed, h, order, imported, exported, diff)
			}
		}
	}
}

func TestExactIntervals(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct {
		name, hardware, set string
		records             []record
		want                string
	}{
		{"neighbours", "C1.w", "", valid(0, 10, 10, 40), "0 10 nothing\n30 0 nothing\n60 30 nothing"},
		{"nothing across a hole", "C1.w", "", valid(0, 10, -1, 40, 41), "0 10 nothing\n90 1 nothing"},
		{"nothing at a fall to 0 and behind it", "C1.w", "", valid(100, 110, 0, 120, 130, 140), "0 10 nothing\n120 10 nothing"},
		{"nothing behind a fall on the other side of a hole", "C1.w", "", valid(100, 110, -1, -1, 50, 60, 70, 80), "0 10 nothing\n180 10 nothing"},
		{"as much as the fuse lets through", "C1.w", "", valid(0, 15180, 30361), "0 15180 nothing"},
		{"by fuse and phases", "C1.w", "fuse_rating = 63, phases = 2", valid(0, 19127, 38255), "0 19127 nothing"},
		{"three phases by hardware", "P1.ax", "", valid(0, 45540, 91081), "0 45540 nothing"},
		{"without bound behind current transformers", "P1.cx", "", valid(0, 2_000_000_000), "0 2000000000 nothing"},
		{"with the bound of a fuse behind current transformers", "P1.cx", "fuse_rating = 100", valid(0, 45541), ""},
		{"invalid record", "C1.w", "", []record{{0, 0, 128, 0}, {30, 1, 256, 0}, {60, 2, 128, 0}, {90, 4, 128, 0}}, "60 2 nothing"},
		{"record from the future", "C1.w", "", []record{{0, 0, 128, 0}, {30, 1, 128, -2}, {60, 2, 128, -1}, {90, 4, 128, 0}}, "60 2 nothing"},
		{"record off the half-hour", "C1.w", "", []record{{0, 0, 128, 0}, {31, 1, 128, 0}, {61, 2, 128, 0}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			id := register(t, conn, "M1", c.hardware)
			if c.set != "" {
				exec(t, conn, `update flows.meter_registry set `+c.set)
			}
			arrive(t, conn, id, "import", c.records...)
			if got := intervals(t, conn, id); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestTwoTransactionsThatAddNeighboursAtOnceLeaveTheHalfHourWritten(t *testing.T) {
	one := migrated(t)
	two := connect(t, one.Config().ConnString())
	id := register(t, one, "M1", "C1.w")
	pid := rows(t, two, `select pg_backend_pid()`)
	exec(t, one, `begin`)
	arrive(t, one, id, "import", valid(0)...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := two.Exec(context.WithoutCancel(t.Context()), `insert into flows.register_profile_hh values ($1::text::uuid, 'import', $2, 0.007, 128)`, id, midnight.Add(30*time.Minute))
		if err != nil {
			t.Error(err)
		}
	}()
	for rows(t, one, `select coalesce(wait_event_type = 'Lock', false) from pg_stat_activity where pid = $1::int`, pid) != "true" {
		select {
		case <-done:
			t.Fatal("did not wait")
		default:
			exec(t, one, `select pg_stat_clear_snapshot()`)
		}
	}
	exec(t, one, `commit`)
	<-done
	if got, want := intervals(t, one, id), "0 7 nothing"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTriggerKeepsToPrecedence(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct{ name, stands, want, history string }{
		{"edited stays", `0.5, 'edited', 'edit', 'told so', true`, "0 500/edited/edit/told so/true nothing", ""},
		{"actual stays", `0.5, 'actual', 'reading', '', true`, "0 500/actual/reading//true nothing", ""},
		{"derived makes way", `0.5, 'derived', 'interpolation', '', true`, "0 7 nothing", "0.5 derived true actual"},
		{"estimated makes way", `0.5, 'estimated', 'linear', '', true`, "0 7 nothing", "0.5 estimated true actual"},
		{"null makes way without a history", `null, null, null, 'MISSING', false`, "0 7 nothing", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			id := register(t, conn, "M1", "C1.w")
			exec(t, conn, `insert into flows.register_interval_hh values ($1::text::uuid, $2, `+c.stands+`)`, id, midnight)
			arrive(t, conn, id, "import", valid(0, 7)...)
			if got := intervals(t, conn, id); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := rows(t, conn, `select interval, quality, billable, replaced_by from flows.register_interval_history`); got != c.history {
				t.Errorf("history: got %q, want %q", got, c.history)
			}
		})
	}
}

func TestFallThatComesLaterTakesBackWhatNobodyHasJudged(t *testing.T) {
	conn := migrated(t)
	records := valid(100, 110, 50, 60, 70, 80)
	for _, c := range []struct{ name, judge, want, history string }{
		{"not judged", ``, "0 10 nothing\n120 10 nothing", "60 0.01 actual fall\n90 0.01 actual fall"},
		{"export of the half-hour stays", `update flows.register_interval_hh set export_interval = 0.001, export_quality = 'actual', export_method = 'difference', export_reason = ''`,
			"0 10 nothing\n60 nothing 1\n90 nothing 1\n120 10 1", "60 0.01 actual fall\n90 0.01 actual fall"},
		{"judged", `update flows.register_interval_hh set import_billable = true`, "0 10 nothing\n60 10/true nothing\n90 10/true nothing\n120 10/true nothing", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			id := register(t, conn, "M1", "C1.w")
			arrive(t, conn, id, "import", records[2:]...)
			if c.judge != "" {
				exec(t, conn, c.judge)
			}
			arrive(t, conn, id, "import", records[:2]...)
			if got := intervals(t, conn, id); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := rows(t, conn, `select (extract(epoch from timestamp - $1) / 60)::int, trim_scale(interval), quality, replaced_by
				from flows.register_interval_history order by timestamp`, midnight); got != c.history {
				t.Errorf("history: got %q, want %q", got, c.history)
			}
		})
	}
}
