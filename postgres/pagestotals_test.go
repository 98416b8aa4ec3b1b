package postgres

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"flows"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestTotalsAreTheSumsOfTheirDays(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 30)
	mustFillDays(t, s)
	mustExec(t, s, `insert into flows.circuits (id, type, site, name) values ('00000000-0000-0000-0000-000000000001', 'heat', 'Yard', 'Boiler'), ('00000000-0000-0000-0000-000000000002', 'solar', 'Yard', 'Roof')`)
	mustExec(t, s, `insert into flows.circuit_register select '00000000-0000-0000-0000-000000000001', register_id from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial < 'M0006'`)
	const sums = `round(coalesce(sum(energy) filter (where direction = 'import'), 0), 3) || ' ' || coalesce(sum(actual + estimated) filter (where direction = 'import'), 0) || ' ' ||
		coalesce(sum(estimated) filter (where direction = 'import'), 0) || ' ' || round(coalesce(sum(billable_energy) filter (where direction = 'export'), 0), 3) || ' ' || coalesce(sum(expected) filter (where direction = 'export'), 0)`
	const from = ` from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
		where day between '2026-03-03' and '2026-03-06'`
	for _, c := range []struct {
		q    flows.TotalsQuery
		want string // SQL
	}{
		{flows.TotalsQuery{By: flows.ByRegister}, `select r.serial || '/' || element || ' ' || ` + sums + from + ` group by r.serial, element, g.register_id order by r.serial, element, g.register_id`},
		{flows.TotalsQuery{By: flows.ByRegister, ESCO: "E", Search: "plot"}, `select r.serial || '/' || element || ' ' || ` + sums + from + ` and e.code = 'E' and r.name like 'Plot%' group by r.serial, element, g.register_id order by r.serial, element, g.register_id`},
		{flows.TotalsQuery{By: flows.ByESCO}, `select coalesce(e.code, '') || '/ ' || ` + sums + from + ` group by e.code order by e.code nulls last`},
		{flows.TotalsQuery{By: flows.ByESCO, ESCO: "f"}, `select coalesce(e.code, '') || '/ ' || ` + sums + from + ` and e.code = 'F' group by e.code`},
		{flows.TotalsQuery{By: flows.ByCircuit}, `select 'Boiler/ ' || ` + sums + from + ` and r.serial < 'M0006' union all select 'Roof/ 0.000 0 0 0.000 0'`},
	} {
		c.q.From, c.q.To = "2026-03-03", "2026-03-06"
		text := map[string]string{}
		said := func(x flows.Total) string {
			return fmt.Sprintf("%s/%s %s %d %d %s %d", x.Name, x.Element, x.Import.Energy, x.Import.Known, x.Import.Estimated, x.Export.Billable, x.Export.Expected)
		}
		page := func(cursor flows.Cursor, n int) ([]flows.Total, error) {
			c.q.Cursor, c.q.Limit = cursor, n
			list, err := s.Totals(t.Context(), c.q)
			for _, x := range list {
				text[x.Place()] = said(x)
			}
			return list, err
		}
		var got []string
		if c.q.By == flows.ByRegister {
			for _, place := range walk(t, fmt.Sprintf("%+v", c.q), 7, page, flows.Total.Place) {
				got = append(got, text[place])
			}
		} else {
			list, err := page(flows.Cursor{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list {
				got = append(got, said(x))
			}
		}
		if diff := gocmp.Diff(lines(t, s, c.want), strings.Join(got, "\n")); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.q, diff)
		}
	}
	if _, err := s.Totals(t.Context(), flows.TotalsQuery{By: flows.ByESCO, ESCO: "X", From: "2026-03-03", To: "2026-03-06"}); err == nil {
		t.Error("an ESCO that is not there has totals")
	}
}

// What is summed by day is what the half-hours are that stand in the database, each in its ESCO's own days.
func TestTotalsAreWhatTheHalfHoursAre(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('HERE', 'Europe/London'), ('THERE', 'Asia/Tokyo')`)
	zones := map[string]*time.Location{"HERE": mustZone(t, "Europe/London"), "THERE": mustZone(t, "Asia/Tokyo"), "": mustZone(t, "Europe/London")}
	var list []flows.Registration
	escos := []string{"HERE", "THERE", ""}
	for i := range 9 {
		m := at(fmt.Sprintf("M%d", i), fmt.Sprintf("10.0.0.%d", i+1), "B1.w")
		if e := escos[i%3]; e != "" {
			m.ESCO = &e
		}
		list = append(list, m)
	}
	known := mustRegister(t, s, list...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	now := time.Now().UTC().Truncate(flows.SlotLength)
	var results []flows.Result
	for _, m := range known {
		st := tell(r, m, now.Add(-8*24*time.Hour), 8*48, now)
		result := flows.Result{Meter: m, Health: flows.Healthy, ReadAt: now}
		for _, a := range st.records {
			result.Profile = append(result.Profile, a.ProfileRead)
		}
		results = append(results, result)
	}
	mustSave(t, s, results...)
	mustSettle(t, s)

	// All of these days are within all registers' lives, and over everywhere.
	from, to := now.AddDate(0, 0, -6), now.AddDate(0, 0, -3)
	first, last := from.Format(time.DateOnly), to.Format(time.DateOnly)
	want := map[string]*flows.Total{}
	sum := func(name string, at time.Time, zone *time.Location, value, quality *string, billable *bool, side func(*flows.Total) *flows.TotalSide) {
		if day := at.In(zone).Format(time.DateOnly); value == nil || day < first || day > last {
			return
		}
		e, err := flows.ParseEnergy(*value)
		if err != nil {
			t.Fatal(err)
		}
		total := side(want[name])
		total.Energy += e
		total.Known++
		if *quality == string(flows.Estimated) {
			total.Estimated++
		}
		if billable != nil && *billable {
			total.Billable += e
		}
	}
	sides := map[flows.Direction]func(*flows.Total) *flows.TotalSide{flows.Import: func(x *flows.Total) *flows.TotalSide { return &x.Import }, flows.Export: func(x *flows.Total) *flows.TotalSide { return &x.Export }}
	rows, err := s.pool.Query(t.Context(), `
		select r.serial, coalesce(e.code, ''), i."timestamp", import_interval::text, import_quality, import_billable, export_interval::text, export_quality, export_billable
		from flows.register_interval_hh i join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var serial, code string
		var at time.Time
		var in, out, inQuality, outQuality *string
		var bill, pay *bool
		if err := rows.Scan(&serial, &code, &at, &in, &inQuality, &bill, &out, &outQuality, &pay); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{serial, "of " + code} {
			if want[name] == nil {
				want[name] = &flows.Total{}
			}
			sum(name, at, zones[code], in, inQuality, bill, sides[flows.Import])
			sum(name, at, zones[code], out, outQuality, pay, sides[flows.Export])
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	var partial, estimated, unbilled bool
	for _, by := range []flows.TotalsBy{flows.ByRegister, flows.ByESCO} {
		list, err := s.Totals(t.Context(), flows.TotalsQuery{By: by, From: first, To: last})
		if err != nil || by == flows.ByRegister && len(list) != 9 || by == flows.ByESCO && len(list) != 3 {
			t.Fatalf("%s: %d, %v", by, len(list), err)
		}
		for _, got := range list {
			name, registers := got.Name, 1
			if by == flows.ByESCO {
				name, registers = "of "+got.Name, 3
			}
			w := *want[name]
			zone := zones[got.ESCO]
			begins := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, zone)
			ends := time.Date(to.Year(), to.Month(), to.Day()+1, 0, 0, 0, 0, zone)
			w.Import.Expected = int(ends.Sub(begins)/flows.SlotLength) * registers
			w.Export.Expected = w.Import.Expected
			if diff := gocmp.Diff(w, flows.Total{Import: got.Import, Export: got.Export}); diff != "" || got.Registers != registers {
				t.Errorf("%s, %d registers (-want +got):\n%s", name, got.Registers, diff)
			}
			partial = partial || w.Import.Known < w.Import.Expected
			estimated = estimated || w.Import.Estimated > 0
			unbilled = unbilled || w.Import.Billable < w.Import.Energy
		}
	}
	if !partial || !estimated || !unbilled {
		t.Error("it proves too little: ", partial, estimated, unbilled)
	}
}
