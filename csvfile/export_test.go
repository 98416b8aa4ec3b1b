package csvfile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// failing is full from the beginning.
type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestIntervalsHoldBackWhatIsNotToBeBilled(t *testing.T) {
	start := time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC)
	lines := []IntervalLine{
		{"EML1", "A", start, IntervalValue{"0.5", "actual", "difference", "", new(true)}, IntervalValue{Reason: "MISSING", Billable: new(false)}},
		{`EML,"2"`, "B", start.In(time.FixedZone("BST", 3600)), IntervalValue{"0.0001", "actual", "difference", "CLOCK", new(false)}, IntervalValue{"7.000", "actual", "difference", "", nil}},
		{" EML3", "SINGLE", start.In(time.FixedZone("GMT", 0)), IntervalValue{"1.500", "edited", "edit", "two\nlines", new(true)}, IntervalValue{}},
	}
	const head = "serial,element,start,import_kwh,import_quality,import_method,import_reason,import_billable,export_kwh,export_quality,export_method,export_reason,export_billable\n"
	for all, want := range map[bool]string{
		false: `EML1,A,2025-10-26T00:30:00Z,0.5,actual,difference,,true,,,,MISSING,false
"EML,""2""",B,2025-10-26T01:30:00+01:00,,actual,difference,CLOCK,false,,actual,difference,,
" EML3",SINGLE,2025-10-26T00:30:00+00:00,1.500,edited,edit,"two
lines",true,,,,,
`,
		true: `EML1,A,2025-10-26T00:30:00Z,0.5,actual,difference,,true,,,,MISSING,false
"EML,""2""",B,2025-10-26T01:30:00+01:00,0.0001,actual,difference,CLOCK,false,7.000,actual,difference,,
" EML3",SINGLE,2025-10-26T00:30:00+00:00,1.500,edited,edit,"two
lines",true,,,,,
`,
	} {
		var b strings.Builder
		w, err := NewIntervals(&b)
		w.All = all
		for _, l := range lines {
			err = errors.Join(err, w.Write(l))
		}
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(head+want, b.String()); diff != "" {
			t.Errorf("all %t (-want +got):\n%s", all, diff)
		}
	}
}

func TestReadsKeepTheFractionOfASecond(t *testing.T) {
	var b strings.Builder
	w, err := NewReads(&b)
	at := time.Date(2025, 10, 26, 0, 30, 0, 123456000, time.UTC)
	if err := errors.Join(err, w.Write(ReadLine{"EML1", "A", at, "18204.331", ""}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "serial,element,timestamp,import_kwh,export_kwh\nEML1,A,2025-10-26T00:30:00.123456Z,18204.331,\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFlushTellsThatTheDiskIsFull(t *testing.T) {
	i, err := NewIntervals(failing{})
	if err := errors.Join(err, i.Flush()); !errors.Is(err, errFull) {
		t.Errorf("half-hours: %v", err)
	}
	r, err := NewReads(failing{})
	if err := errors.Join(err, r.Flush()); !errors.Is(err, errFull) {
		t.Errorf("reads: %v", err)
	}
}
