package web

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"flows"
)

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(w.Body.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

func TestAListSaysWhereItGoesOn(t *testing.T) {
	s := apiShelf()
	h := apiSite(s, nil)
	w := request(h, "GET", "/api/v1/meters?limit=3&health=unhealthy&esco=here&sort=-drift", "")
	page := decode[listed[flows.MeterLine]](t, w)
	if len(page.Items) != 3 || page.Next == nil {
		t.Fatal(w.Body)
	}
	if s.query.Limit != 4 || s.query.Health != flows.OnlyUnhealthy || s.query.ESCO != "HERE" || s.query.Sort != flows.SortDrift || !s.query.Down || s.query.From.Key != "" {
		t.Errorf("%+v", s.query)
	}
	if got, want := w.Header().Get("Link"), `</api/v1/meters?after=`+*page.Next+`&esco=here&health=unhealthy&limit=3&sort=-drift>; rel="next"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, want := range []string{`"import_a":12345.678,`, `"balance":-1.50000,`, `"import_b":null`, `"last_healthy_at":"2026-03-04T12:00:00Z"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "+01:00") || s.meters[0].LastHealthy.Format(time.RFC3339) != "2026-03-04T13:00:00+01:00" {
		t.Error("a time is not in UTC, or the store's own was changed")
	}
	request(h, "GET", "/api/v1/meters?health=unhealthy&limit=2&after="+*page.Next+"&sort=-drift&esco=here", "")
	if s.query.From.Key != "|M2" || s.query.From.Back || s.query.Limit != 3 {
		t.Errorf("%+v", s.query)
	}
	for _, limit := range []string{"", "?limit=4"} { // as many as there are
		if w := request(h, "GET", "/api/v1/meters"+limit, ""); !strings.Contains(w.Body.String(), `"next":null`) || w.Header().Get("Link") != "" {
			t.Errorf("the last page: %v %s", w.Header(), w.Body)
		}
	}
}

func TestNothingIsAnEmptyList(t *testing.T) {
	h := apiSite(&shelf{status: flows.Status{Time: noon, Runs: []flows.RunReport{{}}}}, nil)
	for path, want := range map[string]string{
		"/api/v1/meters": `{"items":[],"next":null}`, "/api/v1/status": `"ticks":[]`, "/api/v1/status?esco=THERE": `"reasons":[]`, "/api/v1/completeness": `"days":[]`,
	} {
		if w := request(h, "GET", path, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := request(h, "GET", "/api/v1/gaps", "", "Accept", "text/csv"); strings.Count(w.Body.String(), "\r\n") != 1 || !strings.HasPrefix(w.Body.String(), "serial,esco,") {
		t.Errorf("no rows as CSV: %s", w.Body)
	}
}

func TestWhatIsAnsweredInCSV(t *testing.T) {
	s := apiShelf()
	s.meters[0].Name = "Plot 1, \"gate\"\nleft"
	h := apiSite(s, nil)
	for accept, kind := range map[string]string{
		"text/csv": "text/csv; charset=utf-8; header=present", "text/csv, */*;q=0.1": "text/csv; charset=utf-8; header=present", "application/json;q=0.5, text/csv": "text/csv; charset=utf-8; header=present",
		"": "application/json", "*/*": "application/json", "text/html,application/xml;q=0.9": "application/json", "application/json, text/csv;q=0.9": "application/json",
	} {
		if got := request(h, "GET", "/api/v1/meters", "", "Accept", accept).Header().Get("Content-Type"); got != kind {
			t.Errorf("%s: %s", accept, got)
		}
	}
	if got := request(h, "GET", "/api/v1/status", "", "Accept", "text/csv").Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("what is no list is %s", got)
	}
	text := request(h, "GET", "/api/v1/meters", "", "Accept", "text/csv").Body.String()
	if want := "a/b,\"Plot 1, \"\"gate\"\"\r\nleft\",,,,,false,,,,2026-03-04T12:00:00Z,-1.50000,,12345.678,,\r\n"; !strings.Contains(text, want) {
		t.Errorf("%q\nis not\n%q", text, want)
	}
}

func TestPeriodsOfTheAPIAreLocalDays(t *testing.T) {
	s := apiShelf()
	h := apiSite(s, nil)
	for query, want := range map[string]flows.Period{
		"?from=2025-10-26&to=2025-10-27": {From: time.Date(2025, 10, 25, 23, 0, 0, 0, time.UTC), To: time.Date(2025, 10, 27, 0, 0, 0, 0, time.UTC)},
		"":                               {From: noon.AddDate(0, 0, -1), To: noon},
		"?from=2026-03-04T09:10:00%2B01:00&to=2026-03-04T11:10:00Z": {From: time.Date(2026, 3, 4, 8, 30, 0, 0, time.UTC), To: time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC)},
		"?from=2026-03-04&to=2026-03-09":                            {From: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), To: noon},
	} {
		w := request(h, "GET", "/api/v1/meters/M/half-hours"+query, "")
		if w.Code != 200 || s.period != want {
			t.Errorf("%s: %d %v %s", query, w.Code, s.period, w.Body)
		}
	}
}

func TestHalfHoursAreThoseOfTheRegistersLives(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 4, hour, minute, 0, 0, time.UTC) }
	lane := flows.Lane{Serial: "OLD", Element: "A", Life: flows.Period{From: at(8, 45), To: at(10, 0)}, Exports: true}
	for i := range 6 {
		lane.Slots = append(lane.Slots, flows.LaneSlot{Start: at(8, 0).Add(time.Duration(i) * flows.SlotLength), Import: flows.Interval{Start: at(8, 0).Add(time.Duration(i) * flows.SlotLength)}})
	}
	rows := halfHoursIn([]flows.Lane{lane})
	if len(rows) != 6 || !rows[0].Start.Equal(at(8, 30)) || rows[1].Direction != flows.Export {
		t.Errorf("%+v", rows)
	}
	lane.Exports, lane.Life.To = false, time.Time{}
	if rows := halfHoursIn([]flows.Lane{lane}); len(rows) != 5 {
		t.Errorf("%+v", rows)
	}
}
