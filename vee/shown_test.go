package vee

import (
	"testing"
	"time"

	"flows"
)

// Rules speak of what is given out, its ends included: of register reads up to its end, of half-hours before it.
func TestRulesSpeakOfWhatIsGivenOut(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	in := Input{Span: flows.Period{From: at(600), To: at(660)}} // the rows are six reads longer on each side
	in.Register.Rating = Rating{100, 1}
	for i := range 61 {
		in.Records = append(in.Records, Record{at(i * 30), Count(500_000 + 10*i), ValidData, at(i*30 + 60)})
	}
	in = without(in, at(600), at(690))
	v := flows.WattHour
	for _, minute := range []int{-30, 390, 420, 450, 570, 600, 690, 720, 810, 840, 9000} {
		in.Exported = append(in.Exported, flows.Interval{Start: at(minute), Value: &v})
	}
	r := Judge(in)
	if r.Span.From != at(420) || r.Span.To != at(840) {
		t.Fatalf("the rows are from %s to %s", r.Span.From, r.Span.To)
	}
	if e := only(t, r, flows.RuleReplacedAfterExport, "2024-06-05"); e.Count != 6 || e.Period.From != at(420) || e.Period.To != at(840) {
		t.Errorf("exported: %+v", e)
	}
	in.Reads = readsAt(start, []int{419, 420, 839, 840, 841}, []Count{1, 1, 1, 1, 1})
	if got, want := told(Judge(in).Exceptions, flows.RuleBracket, mustTime(start)), "420 839 840"; got != want {
		t.Errorf("outliers at %s, want %s", got, want)
	}
}

// What happened on days that are not shown is for another judgement to tell.
func TestDaysThatAreNotShown(t *testing.T) {
	in, today := ordinaryMonth()
	at := today.AddDate(0, 0, -10).Add(10 * time.Hour)
	in.Records = append(in.Records, Record{at, 7, ValidData, at.AddDate(0, 0, 1)})
	in.Reads = []Read{{at.Add(time.Hour), 7, time.Second}}
	for i := range 6 {
		in.Reads = append(in.Reads, Read{at.Add(time.Duration(2+i) * time.Hour), 7, time.Second})
	}
	in.Register.LoadOff = []flows.Period{{From: at, To: at.Add(time.Hour)}, {From: today.Add(time.Hour), To: today.Add(2 * time.Hour)}}
	speaks := []flows.Rule{flows.RuleConflict, flows.RuleBracket, flows.RuleStaleRead, flows.RuleUseWhileOff}
	if got, want := found(Judge(in).Exceptions, speaks...), "USE_WHILE_OFF error ×2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	in.Span = flows.Period{From: today.AddDate(0, 0, -8), To: today.AddDate(0, 0, -7)}
	if got := found(Judge(in).Exceptions, speaks...); got != "" {
		t.Errorf("between them: %s", got)
	}
}
