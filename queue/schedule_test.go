package queue

import (
	"strings"
	"testing"
	"time"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		panic(err)
	}
	return t
}

func mustParse(t *testing.T, text string) Schedule {
	t.Helper()
	s, err := ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLatestIsTheLastTickUntilNow(t *testing.T) {
	for _, c := range []struct{ schedule, now, want string }{
		{"5 * * * *", "2026-03-29 08:04:59", "2026-03-29 07:05:00"},
		{"5 * * * *", "2026-03-29 08:05:00", "2026-03-29 08:05:00"},
		{"20 6,18 * * *", "2026-03-29 06:19:00", "2026-03-28 18:20:00"},
		{"10 0 * * *", "2026-10-25 23:59:59", "2026-10-25 00:10:00"}, // UTC: no hour twice or never
		{"0 0 29 2 *", "2026-03-29 00:00:00", ""},                    // more than a year ago
		{"0 0 1 1 *", "2026-12-31 00:00:00", "2026-01-01 00:00:00"},
		{"@every 30m", "2026-03-29 08:29:59", "2026-03-29 08:00:00"},
		{"@every 20s", "2026-03-29 08:29:59", "2026-03-29 08:29:40"},
		{"off", "2026-03-29 08:29:59", ""},
	} {
		want := time.Time{}
		if c.want != "" {
			want = at(c.want)
		}
		if got := Latest(mustParse(t, c.schedule), at(c.now)); !got.Equal(want) {
			t.Errorf("%s at %s: got %s, want %s", c.schedule, c.now, got, c.want)
		}
	}
}

func TestDueAreTheTicksThatHaveNoRun(t *testing.T) {
	hourly := mustParse(t, "5 * * * *")
	for _, c := range []struct {
		name, last, now string
		want            []string
	}{
		{"a new installation does not wait for the next", "", "2026-03-29 08:04:00", []string{"07:05"}},
		{"nothing is due", "2026-03-29 08:05:00", "2026-03-29 09:04:59", nil},
		{"one is due", "2026-03-29 08:05:00", "2026-03-29 09:05:00", []string{"09:05"}},
		{"three were missed", "2026-03-29 08:05:00", "2026-03-29 11:59:00", []string{"09:05", "10:05", "11:05"}},
		{"another schedule than the last one's", "2026-03-29 08:30:00", "2026-03-29 09:05:00", []string{"09:05"}},
		{"a last run in the future", "2026-03-30 08:30:00", "2026-03-29 09:05:00", nil},
	} {
		last := time.Time{}
		if c.last != "" {
			last = at(c.last)
		}
		var got []string
		for _, tick := range due(hourly, last, at(c.now)) {
			got = append(got, tick.Format("15:04"))
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	many := due(Every(time.Second), at("2026-03-01 00:00:00"), at("2026-03-29 00:00:00"))
	if len(many) != mostMissed || !many[len(many)-1].Equal(at("2026-03-29 00:00:00")) || !many[0].Equal(at("2026-03-28 23:43:21")) {
		t.Errorf("%d ticks from %s to %s", len(many), many[0], many[len(many)-1])
	}
}

func TestParseScheduleSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":             "cron expression such as",
		"5 * * *":      "cron expression such as",
		"61 * * * *":   "cron expression such as",
		"@every":       "cron expression such as",
		"@every 10ms":  "1s or more",
		"@every often": "after @every stands a time",
		"0 0 31 2 *":   `say "off"`,
	} {
		if _, err := ParseSchedule(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
