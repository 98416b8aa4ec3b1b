package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// runShelf is that part of the shelf.
type runShelf struct {
	runs          []flows.RunReport // newest first
	runMeters     []flows.RunMeter
	runQuery      flows.RunQuery
	runMeterQuery flows.RunMeterQuery
}

func (s *runShelf) RunLines(_ context.Context, q flows.RunQuery) (list []flows.Run, err error) {
	s.runQuery = q
	for _, r := range s.runs {
		list = append(list, r.Run)
	}
	return list[:min(len(list), q.Limit)], nil
}

func (s *runShelf) RunBars(_ context.Context, _ string, since time.Time, limit int) (list []flows.RunReport, err error) {
	for _, r := range s.runs {
		if r.Scheduled.After(since) && len(list) < limit {
			list = append(list, r)
		}
	}
	slices.Reverse(list)
	return list, nil
}

func (s *runShelf) RunPage(_ context.Context, id int64) (flows.RunReport, error) {
	for _, r := range s.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return flows.RunReport{}, &flows.NoRun{ID: id}
}

func (s *runShelf) RunMeters(_ context.Context, q flows.RunMeterQuery) (list []flows.RunMeter, err error) {
	s.runMeterQuery = q
	for _, m := range s.runMeters {
		if q.Code == "" || m.Code == q.Code || m.Code == "" && q.Code == noCode {
			list = append(list, m)
		}
	}
	return list[:min(len(list), q.Limit)], nil
}

func (s *runShelf) RunSerials(_ context.Context, _ int64, limit int) (map[flows.Code][]string, error) {
	serials := map[flows.Code][]string{}
	for _, m := range s.runMeters[:min(len(s.runMeters), limit)] {
		serials[m.Code] = append(serials[m.Code], m.Serial)
	}
	return serials, nil
}

// ended is a run that was due so long before noon and took 90 s.
func ended(id int64, ago time.Duration, meters, healthy, unhealthy, skipped, notDone int) flows.RunReport {
	due := noon.Add(-ago)
	r := flows.Run{ID: id, Frequency: flows.Hourly, Origin: flows.Schedule, Scheduled: due, Started: due, Listed: due, Finished: due.Add(90 * time.Second),
		Meters: meters, Healthy: healthy, Unhealthy: unhealthy, Skipped: skipped, NotDone: notDone}
	return flows.RunReport{Run: r, Success: flows.RateOf(r)}
}

func missed(id int64, ago time.Duration) flows.RunReport {
	due := noon.Add(-ago)
	return flows.RunReport{Run: flows.Run{ID: id, Frequency: flows.Daily, ESCO: "HERE", Origin: flows.Schedule, Scheduled: due, Finished: noon, Missed: true}}
}

func TestTheListOfRuns(t *testing.T) {
	s := &shelf{}
	s.runs = []flows.RunReport{running(60), ended(6, time.Hour, 1200, 1171, 26, 2, 1), missed(5, 2*time.Hour), ended(4, 3*time.Hour, 2, 2, 0, 0, 0)}
	s.runs[3].Origin = flows.Command
	h := site(s)
	body := mustSay(t, h, "/runs?esco=here&frequency=hourly", "Runs of HERE", "7 hourly all 4 Mar 2026 11:59 running 300 60 0 0 0 100.0 % ◐ not finished",
		"6 hourly all schedule 4 Mar 2026 11:00 90 s 1 200 1 171 26 2 1 97.7 % ▲ not all done", "5 daily HERE schedule 4 Mar 2026 10:00 – 0 0 0 0 0 - ▲ missed",
		"4 hourly all command 4 Mar 2026 09:00 90 s 2 2 0 0 0 100.0 % ● all healthy", "The highest bar is 1 200 meters.", "A run of all meters counts those of other ESCOs than HERE too")
	if diff := cmp.Diff(flows.RunQuery{ESCO: "HERE", Frequency: flows.Hourly, Limit: 51}, s.runQuery); diff != "" {
		t.Error(diff)
	}
	for _, piece := range []string{`<option selected>hourly</option>`, `<option selected>HERE</option>`, `<a href="/runs/6">6</a>`, `<main data-live>`} {
		if !strings.Contains(body, piece) {
			t.Errorf("no %s", piece)
		}
	}
	if strings.Contains(body, "First page") || strings.Contains(body, "Next") {
		t.Error("one page has others beside it")
	}
	for n := range 60 {
		s.runs = append(s.runs, ended(int64(-n), time.Duration(n)*time.Hour, 1, 1, 0, 0, 0))
	}
	body = mustSay(t, h, "/runs?esco=HERE&after=70", "First page", "‹ Previous", "Next ›")
	for _, link := range []string{`href="/runs?after=-45&amp;esco=HERE"`, `href="/runs?before=7&amp;esco=HERE"`, `href="/runs?esco=HERE"`} {
		if !strings.Contains(body, link) {
			t.Errorf("no way %s", link)
		}
	}
	mustSay(t, h, "/runs?before=3")
	if diff := cmp.Diff(flows.RunQuery{From: flows.Cursor{Key: "3", Back: true}, Limit: 51}, s.runQuery); diff != "" {
		t.Error(diff)
	}
}

func TestRunsThatAreNotThere(t *testing.T) {
	s := &shelf{}
	h := site(s)
	mustSay(t, h, "/runs", "There has been no run. Start one: flows serve , or flows sync --freq hourly", "No run in this time")
	mustSay(t, h, "/runs?frequency=daily", "There has been no run like that", "flows sync --freq daily")
	mustSay(t, h, "/runs?after=1", "There are no more runs", "First page")
	s.runs = []flows.RunReport{ended(7, time.Hour, 1, 1, 0, 0, 0)}
	for path, says := range map[string]string{
		"/runs?frequency=weekly": "Runs are hourly, 12hourly or daily", "/runs?after=x": "digits only", "/runs?before=1.5": "digits only", "/runs/x": "digits only",
		"/runs/99999999999999999999": "digits only", "/runs/8": "There is no run 8; runs are kept for some weeks.", "/runs/7?code=TIMEOUT": "No meter of this run has that code",
	} {
		if w := ask(h, "GET", path); w.Code != 404 || !strings.Contains(plain(w.Body.String()), says) {
			t.Errorf("%s: %d %s", path, w.Code, plain(w.Body.String()))
		}
	}
}

func TestBarsAreAsHighAsTheirMeters(t *testing.T) {
	const room = 58.0
	c := clock{noon, time.UTC}
	going := running(60)
	going.Unhealthy = 30
	some := ended(6, time.Hour, 600, 400, 100, 50, 50)
	some.Reasons = []flows.Reason{{Code: flows.Timeout, Count: 90}, {Code: flows.Mediator, Count: 40}, {Count: 12}, {Code: flows.NAK, Count: 8}}
	got := drawRuns([]flows.RunReport{missed(5, 2*time.Hour), some, going, ended(8, 0, 1, 1, 0, 0, 0), ended(9, 0, 600, 599, 1, 0, 0), ended(10, 0, 0, 0, 0, 0, 0)}, c)
	want := []runBar{
		{0, 16, "/runs/5", "daily run of HERE, 4 Mar 2026 10:00: missed, nobody was there to run it", []barPiece{{"missed", 6, room}}},
		{18, 16, "/runs/6", "hourly run of all meters, 4 Mar 2026 11:00: 400 of 600 healthy, 100 unhealthy, 50 not done, 50 skipped; 90 TIMEOUT, 40 MEDIATOR, 12 without a code",
			[]barPiece{{"well", 64 - room*4/6, room * 4 / 6}, {"ill", 64 - room*55/60, room * 15 / 60}, {"rest", 6, room * 5 / 60}}},
		{36, 16, "/runs/7", "hourly run of all meters, 4 Mar 2026 11:59: 60 of 300 healthy, 30 unhealthy, not finished",
			[]barPiece{{"well open", 64 - room*6/60, room * 6 / 60}, {"ill", 64 - room*9/60, room * 3 / 60}, {"rest", 64 - room/2, room * 21 / 60}}},
		{54, 16, "/runs/8", "hourly run of all meters, 4 Mar 2026 12:00: 1 of 1 healthy", []barPiece{{"well", 62, 2}}},
		{72, 16, "/runs/9", "hourly run of all meters, 4 Mar 2026 12:00: 599 of 600 healthy, 1 unhealthy",
			[]barPiece{{"well", 64 - room*599/600, room * 599 / 600}, {"ill", 62 - room*599/600, 2}}},
		{90, 16, "/runs/10", "hourly run of all meters, 4 Mar 2026 12:00: 0 of 0 healthy", nil},
	}
	near := cmp.Comparer(func(a, b float64) bool { return max(a-b, b-a) < 1e-9 })
	if diff := cmp.Diff(runBars{Width: 108, Height: 64, Most: 600, Bars: want}, got, near); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheNewestBarsAreDrawn(t *testing.T) {
	var runs []flows.RunReport
	for n := range 200 {
		runs = append(runs, ended(int64(n), time.Duration(200-n)*time.Minute, n, n, 0, 0, 0))
		b := drawRuns(runs, clock{noon, time.UTC})
		drawn := min(n+1, 96)
		if len(b.Bars) != drawn || (b.Left > 0) != (n >= 96) || b.Bars[drawn-1].Path != runPath(int64(n)) || b.Width > 960 || b.Bars[drawn-1].X+b.Bars[drawn-1].Width > b.Width {
			t.Fatalf("of %d runs: %d bars, %d left, %.0f wide", n+1, len(b.Bars), b.Left, b.Width)
		}
	}
	s := &shelf{}
	slices.Reverse(runs)
	s.runs = runs
	mustSay(t, site(s), "/runs", "The highest bar is 199 meters; the newest 96 runs.")
}

func TestARunSaysHowFarItIs(t *testing.T) {
	s := &shelf{}
	s.runs = []flows.RunReport{running(60)}
	h := site(s)
	mustSay(t, h, "/runs/7", "Run 7 hourly, all meters", "◐ not finished due 4 Mar 2026 11:59 begun 4 Mar 2026 11:59 running for 60 s 1.0 meters a second about 4 min to go",
		"20 % 60 of 300 meters ● 60 healthy ▲ 0 unhealthy – 0 skipped ▲ 0 not done ○ 240 waiting", "All that have come to an end are healthy")
	r := &s.runs[0]
	r.Healthy, r.Skipped, r.SkipReasons = 30, 30, map[string]int{"still waiting from the run before": 30}
	mustSay(t, h, "/runs/7", "0.5 meters a second about 8 min to go", "60 of 300 meters", "30 skipped: still waiting from the run before")
	r.Listed = time.Time{}
	if body := mustSay(t, h, "/runs/7", "60 of 300 meters, which are still being listed"); strings.Contains(body, "to go") {
		t.Error("it ends before its meters are known")
	}
	r.Meters, r.Healthy, r.Skipped, r.SkipReasons = 0, 0, 0, nil
	mustSay(t, h, "/runs/7", "0 % 0 of 0 meters", "No meter has come to an end yet")
	s.runs = []flows.RunReport{ended(7, time.Hour, 900, 900, 0, 0, 0)}
	body := mustSay(t, h, "/runs/7", "wanted by the schedule", "● all healthy due 4 Mar 2026 11:00 begun 4 Mar 2026 11:00 ended 4 Mar 2026 11:01 took 90 s 10.0 meters a second 100 % 900 of 900 meters")
	if !strings.Contains(body, `<a href="/runs" aria-current="page">`) {
		t.Error("its tab is not marked")
	}
	if strings.Contains(body, "data-live") {
		t.Error("what has ended is followed")
	}
	s.runs = []flows.RunReport{ended(7, time.Hour, 0, 0, 0, 0, 0)}
	mustSay(t, h, "/runs/7", "– no meters", "100 % 0 of 0 meters", "No meter was to be read")
	s.runs = []flows.RunReport{ended(7, time.Hour, 9, 0, 0, 9, 0)}
	mustSay(t, h, "/runs/7", "– all skipped", "9 of 9 meters", "success -")
	s.runs = []flows.RunReport{missed(7, time.Hour)}
	if body := mustSay(t, h, "/runs/7", "Run 7 daily, ESCO HERE", "▲ missed", "Nobody was there to run it at its time"); strings.Contains(body, "healthy") {
		t.Error("a run that was missed has results")
	}
}

// troubled is a run with a meter for each way not to be healthy.
func troubled() *shelf {
	s := &shelf{}
	r := ended(7, time.Hour, 20, 5, 6, 5, 4)
	r.ESCO = "THERE"
	r.SkipReasons = map[string]int{"still waiting from the run before": 3, "nothing to read": 1}
	r.Reasons = []flows.Reason{{Code: flows.Timeout, Text: "no answer in <10 s>", Count: 6}, {Text: "", Count: 1}, {Code: flows.Mediator, Text: "gone", Count: 1}}
	s.runs = []flows.RunReport{r}
	for n := range 6 {
		s.runMeters = append(s.runMeters, flows.RunMeter{Serial: fmt.Sprintf("T/%d", n), Name: "Plot 1", Verdict: flows.VerdictUnhealthy, Code: flows.Timeout, Object: "BALANCE", Details: "no answer in <10 s>", Duration: 10.04})
	}
	s.runMeters = append(s.runMeters, flows.RunMeter{Serial: "U", Verdict: flows.VerdictSkipped}, flows.RunMeter{Serial: "V", Verdict: flows.VerdictNotDone, Code: flows.Mediator, Details: "gone"})
	return s
}

func TestARunSaysWhyNotAllAreHealthy(t *testing.T) {
	s := troubled()
	h := site(s)
	body := mustSay(t, h, "/runs/7", "Run 7 hourly, ESCO THERE", "due 4 Mar 2026 20:00", "▲ not all done", "success 33.3 %",
		"6 TIMEOUT no answer in <10 s> "+sentence(flows.Timeout.Hint()), "1 – 1 MEDIATOR gone "+sentence(flows.Mediator.Hint()),
		"3 skipped: still waiting from the run before 1 skipped: nothing to read", "Of 3 the log says nothing",
		"Meters that are not healthy", "T/0 Plot 1 ▲ unhealthy TIMEOUT BALANCE no answer in <10 s> 10.0", "U – skipped –", "V – not done MEDIATOR gone")
	for _, link := range []string{`href="/meters/T%2F0"`, `href="/runs/7?code=TIMEOUT#meters"`, `href="/runs/7?code=-#meters"`} {
		if !strings.Contains(body, link) {
			t.Errorf("no %s", link)
		}
	}
	if strings.Contains(body, "Asked through") || strings.Contains(body, "are healthy.") {
		t.Error("it says what is not so")
	}
	body = mustSay(t, h, "/runs/7?code=MEDIATOR&after=T", "Meters with MEDIATOR show all", "V – not done", "First page")
	if diff := cmp.Diff(flows.RunMeterQuery{Run: 7, Code: flows.Mediator, From: flows.Cursor{Key: "T"}, Limit: 51}, s.runMeterQuery); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(body, "T/0") || !strings.Contains(body, `href="/runs/7?code=MEDIATOR#meters">First page`) {
		t.Error("other meters are listed, or there is no way back")
	}
	if w := ask(h, "GET", "/runs/7?code=NAK"); w.Code != 404 {
		t.Errorf("a code that no meter of the run has: %d", w.Code)
	}
	mustSay(t, h, "/runs/7?code=-", "Meters without a code show all", "U – skipped")
	for range 60 {
		s.runMeters = append([]flows.RunMeter{{Serial: "A", Verdict: flows.VerdictUnhealthy, Code: flows.Timeout}}, s.runMeters...)
	}
	if body := mustSay(t, h, "/runs/7", "Next ›"); !strings.Contains(body, `href="/runs/7?after=A#meters"`) {
		t.Error("no next page")
	}
}

func TestARunIsAskedThroughMediators(t *testing.T) {
	s := troubled()
	mediator := func(serial string) string {
		if strings.Contains("T/0 T/3 V", serial) {
			return "10.0.0.1:50052"
		}
		return "10.0.0.2:50052"
	}
	h := http.NewServeMux()
	(&pages{Store: s, MediatorOf: mediator, now: func() time.Time { return noon }}).mount(h)
	mustSay(t, h, "/runs/7", "Asked through", sentence(flows.Timeout.Hint())+" 10.0.0.2:50052: 4, 10.0.0.1:50052: 2 1 –", "10.0.0.1:50052: 1", "10.0 10.0.0.1:50052", "T/1 Plot 1 ▲ unhealthy TIMEOUT BALANCE no answer in <10 s> 10.0 10.0.0.2:50052")
	s.runs[0].Reasons[0].Count = 9000
	s.runs[0].Unhealthy = 9000
	mustSay(t, h, "/runs/7", "10.0.0.1:50052: 2 (of 6 that were looked at)")
}
