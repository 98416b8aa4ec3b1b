package vee

import (
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// The log's last read up to t-u and its first from t+u on bound a register read, both of them included.
func TestTheBoundsOfARegisterRead(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name        string
		minute      int
		value       Count
		uncertainty time.Duration
		want        string // least and most; "" when it lies between them
	}{
		{"in the log's first half-hour", 10, 111, time.Second, "0.100 0.110"},
		{"before the log's first record", -10, 5, time.Second, ""},
		{"before it as far as one can tell", 1, 500, 2 * time.Minute, ""},
		{"at a half-hour at the latest", 50, 121, 10 * time.Minute, "0.110 0.120"},
		{"at the very half-hour", 60, 121, 0, "0.120 0.120"},
		{"perhaps after it", 50, 121, 601 * time.Second, ""},
		{"after the log's last record", 170, 5, time.Second, ""},
	} {
		in := tell(start, "100 110 120 130 140 150")
		in.Reads = []Read{{mustTime(start).Add(time.Duration(c.minute) * time.Minute), c.value, c.uncertainty}}
		e := only(t, Judge(in), flows.RuleBracket, in.Reads[0].Time.Format(time.RFC3339))
		got := e.Details["least_kwh"] + " " + e.Details["most_kwh"]
		if e.Rule == "" {
			got = ""
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatAnOutlierSays(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "100 110 120 130 140 150")
	at := mustTime("2024-06-05T01:10:00Z")
	in.Reads = []Read{{at, 135, 90 * time.Second}}
	want := flows.Exception{
		Rule: flows.RuleBracket, Severity: flows.SeverityError, Key: "2024-06-05T01:10:00Z", Count: 1,
		Period:  flows.Period{From: mustTime("2024-06-05T01:00:00Z"), To: mustTime("2024-06-05T01:30:00Z")},
		Details: map[string]string{"read_kwh": "0.135", "at": "2024-06-05T01:10:00Z", "uncertainty_seconds": "90", "least_kwh": "0.120", "most_kwh": "0.130"},
	}
	if diff := cmp.Diff(want, only(t, Judge(in), flows.RuleBracket, want.Key)); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

// Where there is no log a read that goes against the others is a BAD_READ and nothing else.
func TestReadsAreNotHeldAgainstThemselves(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "")
	in.Register.NoLog = true
	in.Reads = readsAt("2024-06-05T00:00:00Z", []int{0, 60, 120, 180}, []Count{500000, 0, 500040, 500060})
	r := Judge(in)
	if got, want := found(r.Exceptions, flows.RuleBadRead, flows.RuleBracket), "BAD_READ warning ×1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := whyNot(r.NotRun, flows.RuleBracket), "the meter keeps no log"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
