package ledger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flows"
)

// twinLog is a twin meter of whose logs two pages were read, and what is stored of them: the half-hours 10 to 13, of which page 2 has
// told twice.
func twinLog() (meters []Meter, answers []Answer, stored []Stored) {
	meters = []Meter{{Serial: "TWIN", Hardware: "C1.w", Reachable: true, Active: true}}
	rec := func(k int) Record {
		return Record{slotNo(k), validData, []Value{{Name: "import_a", Unit: "Wh", Number: int64(1000 + k)}, {Name: "import_b", Unit: "Wh", Number: int64(5000 + k)},
			{Name: "voltage", Unit: "0.1 V", Number: 2300}}}
	}
	page := func(from int, of ...int) Answer {
		a := Answer{Serial: "TWIN", Block: -1, Arrived: slotNo(90), Departed: slotNo(90).Add(time.Second), Whole: true, Profile: &Profile{Log: 3, From: slotNo(from)}}
		for _, k := range of {
			a.Profile.Records = append(a.Profile.Records, rec(k))
		}
		return a
	}
	spoiled := page(12, 12, 13)
	spoiled.Whole = false
	// Of what the meter tells when it is asked for 10, 8 and 9 need not be kept, and nothing of what it tells of 40 beyond a hole.
	answers = []Answer{page(10, 8, 9, 10, 11), spoiled, page(12, 12, 13), page(13, 13), page(40, 40, 41)}
	for _, e := range []struct {
		element string
		stand   int
	}{{"A", 1000}, {"B", 5000}} {
		s := Stored{Serial: "TWIN", Element: e.element, Direction: flows.Import}
		for k := 10; k < 14; k++ {
			s.Records = append(s.Records, flows.ProfileRecord{Time: slotNo(k), Value: flows.Energy(e.stand+k) * flows.WattHour, Status: validData, Received: slotNo(91)})
		}
		stored = append(stored, s, Stored{Serial: "TWIN", Element: e.element, Direction: flows.Export})
	}
	return meters, answers, stored
}

func TestRecordsOfALogAreHeldAgainstTheAnswers(t *testing.T) {
	type state struct {
		meters  []Meter
		answers []Answer
		stored  []Stored
	}
	for name, c := range map[string]struct {
		spoil func(s *state)
		want  []string
	}{
		"as answered":                  {func(*state) {}, nil},
		"one more than before":         {func(s *state) { s.stored[0].Records = s.stored[0].Records[1:] }, []string{"import.A 05:00:00 not stored"}},
		"the last page":                {func(s *state) { s.stored[0].Records = s.stored[0].Records[:2] }, []string{"import.A 06:00:00 not stored", "import.A 06:30:00 not stored"}},
		"none at all":                  {func(s *state) { s.stored[0].Records = nil }, []string{"import.A 05:00:00 not stored", "import.A 05:30:00 not stored"}},
		"a register that is not there": {func(s *state) { s.stored = s.stored[1:] }, []string{"import.A 05:00:00 not stored", "import.A 05:30:00 not stored"}},
		"another value":                {func(s *state) { s.stored[2].Records[1].Value += 10 }, []string{"import.B 05:30:00 not what the meter answered"}},
		"another status":               {func(s *state) { s.stored[2].Records[1].Status = 0 }, []string{"import.B 05:30:00 not what the meter answered"}},
		"twice":                        {func(s *state) { s.stored[2].Records = append(s.stored[2].Records, s.stored[2].Records[0]) }, []string{"import.B 05:00:00 stored twice"}},
		"before it came":               {func(s *state) { s.stored[2].Records[0].Received = slotNo(80) }, []string{"import.B 05:00:00 received before the meter answered it"}},
		"under the other direction":    {func(s *state) { s.stored[1].Records = s.stored[0].Records[:1] }, []string{"export.A 05:00:00 the meter never answered such a record"}},
		"nobody's": {func(s *state) { s.stored[0].Records[3].Time = slotNo(30) },
			[]string{"import.A 06:30:00 not stored", "import.A 15:00:00 the meter never answered such a record"}},
		"of a foreign meter": {func(s *state) {
			s.meters[0].Foreign = true
			s.stored = s.stored[:1]
			s.stored[0].Records = s.stored[0].Records[:1]
		},
			[]string{"import.A 05:00:00 the meter never answered such a record"}},
		"up to behind the hole": {func(s *state) {
			for _, i := range []int{0, 2} {
				r := s.stored[i].Records[0]
				r.Time, r.Value = slotNo(40), r.Value+30*flows.WattHour
				s.stored[i].Records = append(s.stored[i].Records, r)
			}
		}, []string{"import.A 20:30:00 not stored", "import.B 20:30:00 not stored"}},
	} {
		var s state
		s.meters, s.answers, s.stored = twinLog()
		c.spoil(&s)
		r := Report{Expected: map[string]int{}, Stored: map[string]int{}}
		r.Logs(s.meters, s.answers, s.stored)
		var got []string
		for _, m := range r.Mismatches {
			got = append(got, m.Column+" "+m.Time.Format(time.TimeOnly)+" "+m.Why)
			if m.Table != "register_profile_hh" || m.Serial != "TWIN" {
				t.Errorf("%s: %s", name, m)
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What a run that wants the logs must have come to, by the answers alone.
func TestALogThatFailsMakesAMeterUnhealthy(t *testing.T) {
	run := Run{flows.TwelveHourly, []string{"syncerprofilelog"}, moments("10:00:00"), moments("10:00:09")}
	meter := Meter{Serial: "M", Hardware: "B1.w", Registered: "B1.w", Reachable: true, Active: true}
	ask := func(log byte, whole bool, nak int) Answer {
		return Answer{Serial: "M", Block: -1, Profile: &Profile{Log: log}, Arrived: moments("10:00:01"), Departed: moments("10:00:02"), Whole: whole, NAK: nak}
	}
	for _, c := range []struct {
		name    string
		answers []Answer
		health  string
		why     string
	}{
		{"both logs", []Answer{ask(3, true, 0), ask(4, true, 0)}, "healthy", ""},
		{"one at the second try", []Answer{ask(3, true, 0), ask(4, false, 0), ask(4, true, 0)}, "healthy", ""},
		{"one that the meter does not have", []Answer{ask(3, true, 0), ask(4, true, unknownObject)}, "healthy", ""},
		{"one in pieces, the other whole after it", []Answer{ask(3, true, 0), ask(3, false, 0), ask(4, true, 0)}, "unhealthy", ""},
		{"one refused", []Answer{ask(3, true, 0), ask(4, true, 9)}, "unhealthy", ""},
		{"neither asked for", []Answer{{Serial: "M", Object: hardwareID, Block: -1, Arrived: moments("10:00:01"), Departed: moments("10:00:02"), Whole: true}}, "healthy",
			"never asked for them"},
	} {
		facts := []flows.Fact{
			{Table: "meter_registry", Serial: "M", Column: "hardware", Value: "B1.w"},
			{Table: "meter_registry", Serial: "M", Column: "frame_address", Value: "1"},
			{Table: "meter_shadows", Serial: "M", Column: "health", Value: c.health},
			{Table: "meter_health_history", Serial: "M", Column: "health", Time: moments("10:00:02"), Value: c.health},
		}
		r := Compare([]Meter{meter}, c.answers, []Run{run}, facts)
		if text := r.String(); (text == "") != (c.why == "") || !strings.Contains(text, c.why) {
			t.Errorf("%s: %s", c.name, r)
		}
	}
}
