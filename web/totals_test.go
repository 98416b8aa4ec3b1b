package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// totalShelf is that part of the shelf.
type totalShelf struct {
	totals       []flows.Total
	totalsQuery  flows.TotalsQuery
	summed       int // times
	totalTrouble error
}

func (s *totalShelf) Totals(_ context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	s.totalsQuery = q
	s.summed++
	return s.totals, s.totalTrouble
}

func TestASumIsShownWithHowCompleteItIs(t *testing.T) {
	s := &shelf{}
	s.totals = []flows.Total{
		{Name: "OLD", Now: "a/b", Element: "A", ESCO: "HERE", Register: "r", Registers: 1, Import: flows.TotalSide{Energy: 1234567 * flows.WattHour, Billable: flows.KiloWattHour, Expected: 1440, Known: 1440, Estimated: 48},
			Export: flows.TotalSide{Energy: flows.WattHour, Expected: 1440, Known: 3}},
		{Name: "M2", Now: "M2", Element: "B", Register: "s", Registers: 1, Import: flows.TotalSide{Energy: 1, Billable: 1, Expected: 48, Known: 48}},
		{Name: "M3", Now: "M3", Element: "A", Register: "t", Registers: 1, Import: flows.TotalSide{Expected: 48}},
	}
	h := site(s)
	body := mustSay(t, h, "/totals?q=+M+&esco=here&period=2026-02", "Totals February 2026",
		"OLD A HERE 1 234.567 1.000 ◍ 1 440 of 1 440, 48 estimated complete with estimates 0.001 0.000 ◐ 3 of 1 440 partial",
		"M2 B 0.0001 0.0001 ● 48 of 48 complete – nothing expected", "M3 A 0.000 0.000 ○ 0 of 48 nothing known", "flows export intervals --from 2026-02-01 --to 2026-03-01")
	if !strings.Contains(body, `href="/meters/a%2Fb?day=2026-02-28"`) {
		t.Error("no way to the meter that has the register now")
	}
	if diff := cmp.Diff(flows.TotalsQuery{By: flows.ByRegister, ESCO: "HERE", Search: "M", From: "2026-02-01", To: "2026-02-28", Limit: 51}, s.totalsQuery); diff != "" {
		t.Error(diff)
	}
	s.totals[0] = flows.Total{Name: "HERE", ESCO: "HERE", Registers: 1200, Import: s.totals[0].Import}
	body = mustSay(t, h, "/totals?by=esco&from=2026-01-30&to=2026-02-02", "Totals 30 Jan 2026 to 2 Feb 2026", "HERE 1 200 1 234.567")
	if !strings.Contains(body, `href="/totals?esco=HERE&amp;from=2026-01-30&amp;to=2026-02-02"`) {
		t.Error("no way from an ESCO to its registers")
	}
	s.totals[0] = flows.Total{Name: "Boiler", ESCO: "Yard", Kind: "heat", Registers: 2, Import: s.totals[0].Import}
	mustSay(t, h, "/totals?by=circuit", "Yard Boiler heat 2 1 234.567")
	s.totals = nil
	mustSay(t, h, "/totals?by=circuit&period=2026-02-01", "There are no circuits. A circuit is a row of table flows.circuits , and its registers are rows of flows.circuit_register")
	mustSay(t, h, "/totals", "flows backfill --from 2026-03-01")
}

func TestPeriodsOfTotals(t *testing.T) {
	s := &shelf{}
	h := site(s)
	for query, want := range map[string]string{
		"":                               "2026-03-01 2026-03-31 ‹ Earlier",
		"?period=2026-02":                "2026-02-01 2026-02-28 ‹ Earlier Later ›",
		"?period=2024-02":                "2024-02-01 2024-02-29 ‹ Earlier Later ›",
		"?period=2026-03-04":             "2026-03-04 2026-03-04 ‹ Earlier", // today
		"?period=2026-03-03":             "2026-03-03 2026-03-03 ‹ Earlier Later ›",
		"?period=2026-03-04&esco=there":  "2026-03-04 2026-03-04 ‹ Earlier",
		"?from=2026-03-01&to=":           "2026-03-01 2026-03-01 ‹ Earlier Later ›",
		"?from=2026-03-01&to=2026-03-09": "2026-03-01 2026-03-09 ‹ Earlier",
	} {
		text := plain(mustSay(t, h, "/totals"+query))
		ways := ""
		for _, way := range []string{"‹ Earlier", "Later ›"} {
			if strings.Contains(text, way) {
				ways = strings.TrimSpace(ways + " " + way)
			}
		}
		if got := s.totalsQuery.From + " " + s.totalsQuery.To + " " + ways; got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	body := mustSay(t, h, "/totals?by=esco&esco=here&from=2026-02-20&to=2026-02-26")
	for _, path := range []string{"/totals?by=esco&amp;esco=HERE&amp;from=2026-02-13&amp;to=2026-02-19", "/totals?by=esco&amp;esco=HERE&amp;from=2026-02-27&amp;to=2026-03-05"} {
		if !strings.Contains(body, `href="`+path+`"`) {
			t.Errorf("no way to %s", path)
		}
	}
	if body := mustSay(t, h, "/totals?from=2026-02-01&to=2026-02-28", "February 2026"); !strings.Contains(body, "period=2026-01") || !strings.Contains(body, "period=2026-03") {
		t.Error("a month from its first day to its last is none")
	}
	for _, query := range []string{"by=meter", "period=2026", "period=2026-13", "period=0000-01", "period=1999-12-31", "period=9999-12", "from=2026-03-02&to=2026-03-01", "from=2020-01-01&to=2026-01-01", "from=x", "to=2026-03-01",
		"from=0001-01-01&to=0001-01-02"} {
		if w := ask(h, "GET", "/totals?"+query); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
}

// Sums over many registers take long: who reloads sees the last ones. What is kept does not grow with what people think of.
func TestSumsOfManyRegistersAreKept(t *testing.T) {
	s := &shelf{}
	p := &pages{Store: s}
	ask := func(q flows.TotalsQuery) int {
		before := s.summed
		if _, err := p.summed(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		return s.summed - before
	}
	month := flows.TotalsQuery{By: flows.ByESCO, From: "2026-03-01", To: "2026-03-31", Limit: 51}
	one, circuit := month, month
	one.ESCO, circuit.By = "HERE", flows.ByCircuit
	for _, q := range []flows.TotalsQuery{month, one, circuit} {
		if n := ask(q); n != 1 {
			t.Errorf("%+v was summed %d times", q, n)
		}
	}
	again := month
	again.Cursor.Key, again.Search = "x", "y"
	if n := ask(again); n != 0 {
		t.Errorf("the same was summed again")
	}
	month.By = flows.ByRegister
	if n := ask(month) + ask(month); n != 2 {
		t.Errorf("the registers of a page were summed %d times", n)
	}
	for day := range 1000 {
		ask(flows.TotalsQuery{By: flows.ByESCO, From: fmt.Sprint(day)})
		if len(p.sums) > mostSums+1 {
			t.Fatalf("%d sums are kept", len(p.sums))
		}
	}
	s.totalTrouble = errors.New("database: gone")
	if _, err := p.summed(t.Context(), flows.TotalsQuery{By: flows.ByCircuit, From: "1"}); err != s.totalTrouble {
		t.Error(err)
	}
}
