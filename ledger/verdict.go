package ledger

import "fmt"

// health expects one of the verdicts, as a row and in the shadow.
func (b *book) health(v *visit, verdicts ...string) *want {
	w := &want{at: v.to}
	for _, verdict := range verdicts {
		w.truths = append(w.truths, truth{text: verdict})
	}
	v.rows["meter_health_history.health"], b.present["meter_shadows.health"] = w, w
	return w
}

// idle is a run that has nothing to ask this hardware for: it need not leave a verdict.
func (b *book) idle(v *visit) {
	judged := b.present["meter_shadows.health"] != nil
	w := b.health(v, "healthy", "unhealthy")
	b.present["meter_shadows.health"] = &want{truths: w.truths, absent: !judged, at: w.at}
	w.absent = true
}

// silent is a run without a valid answer.
func (b *book) silent(v *visit, heard bool) {
	w := &want{null: true, at: v.to}
	v.rows["meter_csq.csq"], b.present["meter_shadows.csq"] = w, w
	b.health(v, "unhealthy")
	if b.Reachable && !heard {
		b.report.add(b.Serial, "meter_health_history.health", v.run.Started, "asked", "not asked",
			fmt.Sprintf("the meter is reachable, but the %s run never asked it", v.run.Frequency))
	}
}
