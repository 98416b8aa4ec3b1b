package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// read is a run on a meter that answers.
func (b *book) read(v *visit, items []item, heard []Answer) {
	failed := false
	fresh := map[string]bool{} // documents that this run wrote
	for n, it := range items {
		switch it.object {
		case eventLogID:
			failed = b.readEvents(v) || failed
			continue
		case profileLogs:
			failed = b.readProfile(v, heard) || failed
			continue
		}
		q := about(it.object)
		switch {
		case len(v.whole[q]) > 0:
			b.learn(v, it, fresh)
		case it.on == 0:
		case v.asked[q] || v.gaveUp:
			failed = true
		case n == 0 || items[n-1].object != it.object:
			b.neglected(v, it)
		}
	}
	b.missingPhases(v)
	if failed {
		b.health(v, "unhealthy")
	} else {
		b.health(v, "healthy")
	}
}

// neglected reports an object that the run should have asked for.
func (b *book) neglected(v *visit, it item) {
	key := it.history
	if key == "" {
		key = it.present
	}
	if key == "" {
		key = "meter_registry.serial"
	}
	b.report.add(b.Serial, key, v.run.Started, "asked", "not asked",
		fmt.Sprintf("the meter has object %06x, but the %s run never asked for it", it.object, v.run.Frequency))
}

// learn notes what the answers to an object say of one item.
func (b *book) learn(v *visit, it item, fresh map[string]bool) {
	found := map[string]*want{}
	for _, a := range v.whole[about(it.object)] {
		for _, value := range a.Values {
			if it.value != "*" && it.value != value.Name {
				continue
			}
			key := it.storedAs(value)
			w := found[key]
			if w == nil {
				w = &want{at: a.Departed}
				found[key] = w
			}
			w.at = a.Departed
			if t := it.as(a, value); t.text != "" {
				w.truths = append(w.truths, t)
			}
		}
	}
	for key, w := range found {
		if len(w.truths) == 0 {
			continue
		}
		b.report.Answered++
		b.openDocument(key, w.at, fresh)
		b.present[key] = w
		if it.history != "" {
			v.rows[it.history] = w
		}
	}
}

// openDocument expects a document whole and anew: what this run did not read of it is null.
func (b *book) openDocument(key string, at time.Time, fresh map[string]bool) {
	doc := documentOf(key)
	if doc == "" || fresh[doc] {
		return
	}
	fresh[doc] = true
	for old := range b.present {
		if strings.HasPrefix(old, doc+".") {
			delete(b.present, old)
		}
	}
	b.present[doc] = &want{truths: []truth{{text: "a document", fits: func(string) bool { return true }}}, at: at}
}

// missingPhases allows a row of three phase voltages its nulls.
func (b *book) missingPhases(v *visit) {
	phases := []string{"meter_3p_voltage.voltage_l1", "meter_3p_voltage.voltage_l2", "meter_3p_voltage.voltage_l3"}
	read := func(phase string) bool { return v.rows[phase] != nil }
	if !slices.ContainsFunc(phases, read) {
		return
	}
	for _, phase := range phases {
		if !read(phase) {
			v.rows[phase] = &want{null: true, absent: true, at: v.to}
		}
	}
}
