package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

func (s *shelf) MeterPage(_ context.Context, serial string) (flows.MeterPage, error) {
	switch serial {
	case "OLD":
		return flows.MeterPage{}, &flows.NoMeter{Serial: serial, By: "a/b", At: noon}
	case s.page.Serial:
		return s.page, s.err
	}
	return flows.MeterPage{}, &flows.NoMeter{Serial: serial}
}

func (s *shelf) Lanes(_ context.Context, _ string, p flows.Period) ([]flows.Lane, error) {
	s.period = p
	return s.lanes, nil
}

func (s *shelf) MeterExceptions(context.Context, string) ([]flows.MeterException, error) {
	return s.exceptions, nil
}

func (s *shelf) Traces(context.Context, string, flows.Period) ([]flows.Trace, error) {
	return s.traces, nil
}

func (s *shelf) LastHalfHour(context.Context, string) (time.Time, error) { return s.last, nil }

func (s *shelf) MeterSeries(context.Context, string, flows.Period) ([]flows.Series, error) {
	s.tabs = append(s.tabs, "series")
	return s.series, nil
}

func (s *shelf) HealthChanges(context.Context, string, flows.Period, int) ([]flows.HealthChange, error) {
	s.tabs = append(s.tabs, "health")
	return []flows.HealthChange{{At: noon.Add(-time.Hour), Health: flows.Unhealthy}}, nil
}

func (s *shelf) MeterEvents(context.Context, string, flows.Cursor, int) ([]flows.EventLine, error) {
	s.tabs = append(s.tabs, "events")
	var more []flows.EventLine
	for i := range s.events {
		more = append(more, flows.EventLine{At: noon.Add(-time.Duration(i) * time.Second), Type: 3})
	}
	if more != nil {
		return more, nil
	}
	return []flows.EventLine{{At: noon, Type: 3, Name: "COVER", Set: 7}, {At: noon, Type: 999, Set: 8}}, nil
}

func (s *shelf) MeterTariffs(context.Context, string) (active, future json.RawMessage, err error) {
	s.tabs = append(s.tabs, "tariffs")
	return json.RawMessage(`{"standing_charge": "0.07650", "block_rate": null, "threshold_mask": {"rate1": true, "rate2": false}, "another_key": 1.00000}`),
		json.RawMessage(`{"activation_datetime": "2026-12-01T00:00:00"}`), nil
}

func (s *shelf) RawReads(_ context.Context, _ string, of flows.RawSource, _ flows.Cursor, _ int) ([]flows.RawRead, error) {
	s.tabs = append(s.tabs, "raw")
	if of == flows.FromLog {
		return []flows.RawRead{{At: noon, Element: "A", Direction: flows.Import, Value: flows.KiloWattHour, Status: new(0x40c0)}, {At: noon, Element: "B", Direction: flows.Import, Status: new(0x100)}}, nil
	}
	return []flows.RawRead{{At: noon, Element: "A", Direction: flows.Export, Value: 1234567 * flows.WattHour}}, nil
}

func (s *shelf) SyncLog(context.Context, string, flows.Cursor, int) ([]flows.SyncLine, error) {
	s.tabs = append(s.tabs, "log")
	return []flows.SyncLine{{At: noon, Run: 7, Frequency: flows.Hourly, Verdict: flows.VerdictUnhealthy, Code: flows.Timeout, Details: "silent", Duration: 12.34,
		Outcomes: []flows.Outcome{{Metric: "SyncerReads", State: flows.Failed, Reason: "no answer"}, {Metric: "SyncerCSQ", State: flows.Read}, {Metric: "SyncerVoltage", State: flows.Read}}}, {At: noon, Verdict: flows.VerdictNotDone}}, nil
}

func (s *shelf) MeterGaps(context.Context, string) ([]flows.MeterGap, error) { return s.gaps, nil }

func TestTheTabsOfAMeter(t *testing.T) {
	h := site(&shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}, series: []flows.Series{{Name: "Balance", Unit: "£", Points: []flows.Point{{At: noon, Value: "-1234.5"}}}}})
	for tab, want := range map[string]string{
		"": "The same as a table From Lowest £ Highest £ Last £ Readings Not given 2026-03-04 −1 234.5 −1 234.5 −1 234.5 1 0", "history&over=30": "Health Changed To 4 Mar 2026 11:00 ▲ unhealthy",
		"history&over=1": "Not given 4 Mar 2026 12:00 −1 234.5", "events": "4 Mar 2026 12:00 3 COVER 7 4 Mar 2026 12:00 999 not known 8",
		"tariffs": "Active Future Begins, by the meter's clock 2026-12-01 00:00:00 Standing charge, £ 0.07650 Block rate not read Threshold mask rate1 yes, rate2 no Another key 1.00000 end", "raw": "4 Mar 2026 12:00 A export 1 234.567",
		"raw&of=log": "A import 1.000 valid, power fail, 0x4000 – 4 Mar 2026 12:00 B import 0.000 not valid, log reset –",
		"log":        "4 Mar 2026 12:00 7 hourly ▲ unhealthy TIMEOUT silent 12.3 SyncerReads failed no answer read: SyncerCSQ, SyncerVoltage 4 Mar 2026 12:00 for a person – not done 0.0",
	} {
		mustSay(t, h, "/meters/M?tab="+tab, strings.TrimSuffix(want, " end"))
	}
	for _, path := range []string{"/meters/M?tab=x", "/meters/M?over=8", "/meters/M?tab=raw&of=x", "/meters/M?view=year"} {
		if w := ask(h, "GET", path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestOnlyTheTabThatIsShownIsAskedFor(t *testing.T) {
	for name, want := range map[string]string{"history": "series health", "events": "events", "tariffs": "tariffs", "raw": "raw", "log": "log"} {
		s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}}
		if ask(site(s), "GET", "/meters/M?tab="+name); strings.Join(s.tabs, " ") != want {
			t.Errorf("%s asks for %v", name, s.tabs)
		}
	}
}

func TestATabsPagesLeadBackToIt(t *testing.T) {
	s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}, events: onPage + 1}
	body := mustSay(t, site(s), "/meters/M?tab=events&day=2026-03-01&after=2026-03-05T00:00:00Z%7C1")
	for _, want := range []string{`href="/meters/M?after=2026-03-04T11%3A59%3A11Z%7C3&amp;day=2026-03-01&amp;tab=events#tabs" rel="next"`,
		`href="/meters/M?before=2026-03-04T12%3A00%3A00Z%7C3&amp;day=2026-03-01&amp;tab=events#tabs" rel="prev"`, `href="/meters/M?day=2026-03-01&amp;tab=log#tabs"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body[strings.Index(body, `id="tabs"`):])
		}
	}
	if strings.Contains(body, "11:59:10") {
		t.Error("more than a page")
	}
}

// hourly are readings of so many hours, "" where it was not given, none in a hole.
func hourly(from time.Time, values ...string) (list []flows.Point) {
	for i, v := range values {
		if v != "hole" {
			list = append(list, flows.Point{At: from.Add(time.Duration(i) * time.Hour), Value: v})
		}
	}
	return list
}

func TestALineBreaksAtAGap(t *testing.T) {
	at := noon.Add(-10 * time.Hour)
	s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}, series: []flows.Series{{Name: "Signal", Unit: "csq",
		Points: hourly(at, "10", "11", "", "12", "hole", "hole", "13", "hole", "hole", "hole", "14")}}}
	body := mustSay(t, site(s), "/meters/M", "Signal 14 csq")
	all := mustDraw(t, body)
	if len(all) != 1 || values(all[0].Y) != "0=10 1=11 3=12 4=13 6=14" || len(all[0].Y) != 7 || all[0].X[5] != at.Add(7*time.Hour).Unix() {
		t.Errorf("%+v", all)
	}
	if want := `aria-label="Signal, 6 readings, 2 gaps; the last is 14` + thin + `csq"`; !strings.Contains(body, want) {
		t.Errorf("no %s", want)
	}
}

func TestAHistoryIsTheSameUntilThereIsMoreOfIt(t *testing.T) {
	one := historyOver(7, noon)
	if two := historyOver(7, noon.Add(59*time.Minute+59*time.Second)); one != two || !one.To.After(noon) || one.To.Sub(one.From) != 7*24*time.Hour {
		t.Errorf("%v and %v", one, two)
	}
	if two := historyOver(7, noon.Add(time.Hour)); one == two {
		t.Error("an hour later it is the same")
	}
}

func TestTheTableOfASeriesIsByLocalDays(t *testing.T) {
	points := hourly(time.Date(2026, 3, 3, 13, 0, 0, 0, time.UTC), "5", "-2", "", "10", "9") // 22:00 to 02:00 in Tokyo
	v := seriesOf(flows.Series{Name: "N", Unit: "u", Points: points}, historyOver(7, noon), clock{noon, time.UTC}.in("Asia/Tokyo"))
	var got []string
	for _, r := range v.Rows {
		got = append(got, fmt.Sprint(r.From.Text, " ", r.Lowest, " ", r.Highest, " ", r.Last, " ", r.Given, " ", r.NotGiven))
	}
	if diff := cmp.Diff([]string{"2026-03-03 −2 5 −2 2 0", "2026-03-04 9 10 9 2 1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMeterCanBeAskedWhereSomebodyDoesIt(t *testing.T) {
	read := flows.MeterLine{Serial: "M/1", Zone: "UTC", Mode: flows.Active, Address: "10.0.0.1:80"}
	passive := read
	passive.Mode = flows.Passive
	for _, c := range []struct {
		name    string
		actions Actions
		line    flows.MeterLine
		path    string
		buttons int
		says    string
	}{
		{"pages only", nil, read, "/meters/M%2F1", 0, ""},
		{"asked", doers{}, read, "/meters/M%2F1?asked=read", 2, "Read now Fetch gaps The meter is being asked. Its values below are replaced when they come."},
		{"passive", doers{}, passive, "/meters/M%2F1", 0, "its mode is passive"},
	} {
		mux := http.NewServeMux()
		(&pages{Store: &shelf{page: flows.MeterPage{MeterLine: c.line}}, Actions: c.actions, now: func() time.Time { return noon }, every: time.Hour}).mount(mux)
		body := mustSay(t, mux, c.path, c.says)
		if n := strings.Count(body, `<form method="post" action="/meters/M%2F1/`); n != c.buttons {
			t.Errorf("%s: %d buttons", c.name, n)
		}
	}
}

// doers do nothing.
type doers struct{ Actions }

func TestWhatIsOpenOfAMeterSaysWhyAndWhatHappensNext(t *testing.T) {
	s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}},
		exceptions: []flows.MeterException{{ID: 7, Exception: flows.Exception{Rule: flows.RuleStatus, Severity: flows.SeverityError, Period: flows.Period{From: noon, To: noon}, Count: 2,
			Details: map[string]string{"flag": "no valid data", "a_b": "c"}}, Element: "A", Direction: flows.Import, LastSeen: noon.Add(-time.Hour)}},
		gaps: []flows.MeterGap{{Element: "B", Direction: flows.Export, Day: "2026-03-01", NeverReached: 3, Again: true}}}
	body := mustSay(t, site(s), "/meters/M", "7 ▲ error STATUS: records that the meter has marked; a b c, flag no valid data A import 4 Mar 2026 12:00",
		"They stay open until somebody answers them , or", "2026-03-01 B export 3 0 0 Asked for again by the next run that reads logs.")
	if !strings.Contains(body, `href="/exceptions?id=7"`) || !strings.Contains(body, `href="/meters/M?day=2026-03-01"`) {
		t.Error("no way to the exception, or to the gap's day")
	}
}
