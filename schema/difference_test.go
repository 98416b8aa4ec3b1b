package schema_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/vee"

	"github.com/jackc/pgx/v5"
)

var pairs = flag.Int("schema.pairs", 4_000, "pairs of records on which the trigger and the rules must agree")

// The trigger and the rules say the same of two neighbours: their difference, or none.
func TestTriggerAndRulesAgreeOnDifferences(t *testing.T) {
	conn := migrated(t)
	const each = 100 // pairs of a register
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	type pair struct {
		register string
		at       time.Time
		want     string
	}
	var all []pair
	var rows [][]any
	for n := range *pairs / each {
		hardware := []string{"B1.w", "C1.w", "P1.ax", "P1.cx", "something new"}[r.IntN(5)]
		var fuse, phases *int
		if r.IntN(2) == 0 {
			fuse = new(1 + r.IntN(200))
		}
		if r.IntN(2) == 0 {
			phases = new(1 + r.IntN(3))
		}
		var register string
		if err := conn.QueryRow(t.Context(), `
			with m as (insert into flows.meter_registry (serial, hardware, fuse_rating, phases) values ($1, $2, $3, $4) returning id)
			select id::text from m`, fmt.Sprint("M", n), hardware, fuse, phases).Scan(&register); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), `select register_id::text from flows.meter_registers where meter_id = $1 and element <> 'B'`, register).Scan(&register); err != nil {
			t.Fatal(err)
		}
		unit := vee.UnitOf(hardware)
		most := vee.RatingOf(hardware, fuse, phases).Most(flows.SlotLength, unit)
		base := vee.Count(0)
		for i := range each {
			x := base + vee.Count(r.IntN(3))
			y := x
			switch edge := vee.Count(most.Counts) + vee.Count(r.IntN(3)) - 1; r.IntN(6) {
			case 0:
				y = edge + x
			case 1:
				y += vee.Count(r.IntN(20_000))
			case 2:
				y -= vee.Count(r.IntN(20_000))
			case 3:
				y += vee.Count(r.IntN(1 << 24))
			case 4:
				x, y = 1<<32-1-vee.Count(r.IntN(1000)), vee.Count(r.IntN(1000)) // a rollover is not the trigger's
			}
			at := start.Add(time.Duration(6*i) * flows.SlotLength)
			p := pair{register, at, ""}
			if d, step := vee.Difference(x, y, most); step == vee.Forward {
				p.want = (flows.Energy(d) * unit).String()
			}
			all = append(all, p)
			base = max(base, x, y)
			// The third keeps what one pair is from the next; two more begin anew, so that there is room above.
			for k, v := range []vee.Count{x, y, max(x, y)} {
				rows = append(rows, []any{register, "import", at.Add(time.Duration(k+k/2) * flows.SlotLength), (flows.Energy(v) * unit).String(), 128})
			}
			if base > 1<<31 {
				base = 0
				for k := range 2 {
					rows = append(rows, []any{register, "import", at.Add(time.Duration(4+k) * flows.SlotLength), "0", 128})
				}
			}
		}
	}
	insertProfile(t, conn, rows)
	written := map[string]string{}
	found, _ := conn.Query(t.Context(), `select register_id::text, "timestamp", import_interval::text from flows.register_interval_hh where import_interval is not null`)
	var id, value string
	var at time.Time
	if _, err := pgx.ForEachRow(found, []any{&id, &at, &value}, func() error {
		e, err := flows.ParseEnergy(value)
		written[id+at.UTC().Format(time.RFC3339)] = e.String()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	forward := 0
	for _, p := range all {
		if got := written[p.register+p.at.Format(time.RFC3339)]; got != p.want {
			t.Errorf("register %s at %s: the trigger wrote %q, the rules say %q", p.register, p.at, got, p.want)
		}
		if p.want != "" {
			forward++
		}
	}
	if forward < len(all)/4 || forward > len(all)*9/10 {
		t.Errorf("%d of %d pairs have a difference: that proves little", forward, len(all))
	}
}

// insertProfile adds records as savers do: sorted, many in a statement.
func insertProfile(t *testing.T, conn *pgx.Conn, rows [][]any) {
	t.Helper()
	for len(rows) > 0 {
		n := min(5000, len(rows))
		var b strings.Builder
		b.WriteString(`insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status) values `)
		for i, row := range rows[:n] {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "('%s', '%s', '%s', %s, %d)", row[0], row[1], row[2].(time.Time).Format(time.RFC3339), row[3], row[4])
		}
		if _, err := conn.Exec(t.Context(), b.String()); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
}
