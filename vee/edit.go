package vee

import (
	"cmp"
	"slices"

	"flows"
)

// settleEdits puts the edited values that stand into their slots. A verdict on a read that was known after the edit was made withdraws it;
// one that the person could see does not.
func (j *judgement) settleEdits() {
	edits := slices.Clone(j.in.Edits)
	slices.SortFunc(edits, func(a, b Edit) int {
		return cmp.Or(a.Made.Compare(b.Made), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Reason, b.Reason))
	})
	for i := range edits {
		e := &edits[i]
		t := micros(e.Start)
		s := j.at(slotAt(t))
		if s == nil || t%slotMicros != 0 {
			continue
		}
		if micros(e.Made) >= s.judged {
			s.edit = e
		} else {
			s.withdraws = true
		}
	}
}

// give makes the rows: edited > actual > derived > estimated > null.
func (j *judgement) give() {
	n := int((j.to - j.from) / slotMicros)
	j.result.Intervals = make([]flows.Interval, 0, n)
	values := make([]flows.Energy, 0, n)
	j.each(j.from, j.to, func(k int64, s *slot) {
		row := flows.Interval{Start: timeOf(k * slotMicros), Reason: string(j.nullReason(k, s)), Withdraws: s.withdraws}
		switch {
		case s.edit != nil:
			values = append(values, s.edit.Value)
			row.Quality, row.Method, row.Reason, row.Billable = flows.Edited, flows.Edit, s.edit.Reason, true
		case s.quality != flows.NoQuality:
			values = append(values, s.value)
			row.Quality, row.Method, row.Billable = s.quality, s.method, s.blocked == ""
			if s.blocked != "" {
				row.Reason = string(s.blocked)
			}
		}
		if row.Quality != flows.NoQuality {
			row.Value = &values[len(values)-1]
		}
		j.result.Intervals = append(j.result.Intervals, row)
	})
}

// nullReason says why a half-hour has no value: a record that could not be used tells more than that it is missing.
func (j *judgement) nullReason(k int64, s *slot) flows.Rule {
	if s.quality == flows.NoQuality && s.reason == flows.RuleMissing {
		return j.reasonOf("", k)
	}
	return s.reason
}

// energyOf is the value that stands in a slot.
func (s *slot) energyOf() (flows.Energy, bool) {
	if s.edit != nil {
		return s.edit.Value, true
	}
	return s.value, s.quality != flows.NoQuality
}

// standing is the quality that stands in a slot.
func (s *slot) standing() flows.Quality {
	if s.edit != nil {
		return flows.Edited
	}
	return s.quality
}
