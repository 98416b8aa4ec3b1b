package ledger

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"
)

// witness is all that one meter answered whole, and what is stored of it.
type witness struct {
	Meter
	report   *Report
	spoken   []sighting            // one an answer, a NAK too
	answered map[string][]sighting // by table and column, of history and of present state
	facts    []flows.Fact
}

// sighting is a value that a meter answered, and when.
type sighting struct {
	truth
	from, to time.Time
	dates    bool  // gives the rows of its run their time
	event    int64 // UnixNano of an event, by the meter's clock
}

func (s sighting) during(from, to time.Time) bool { return !s.to.Before(from) && !s.from.After(to) }

func (w *witness) hear(a Answer) {
	s := sighting{from: a.Arrived, to: a.Departed, dates: a.Object == elementA || a.Object == totalImport}
	w.spoken = append(w.spoken, s)
	if a.NAK != 0 {
		return
	}
	see := func(key string, t truth) {
		if s.truth = t; key != "" && t.text != "" {
			w.answered[key] = append(w.answered[key], s)
		}
	}
	if a.Object == eventLogID {
		for _, e := range eventsOf(a) {
			if s.event = time.Unix(e.at, 0).UnixNano(); e.kind != noEvent {
				see("meter_event_log.event."+strconv.FormatInt(e.kind, 10), truth{text: strconv.FormatInt(e.set, 10)})
			}
		}
		return
	}
	for _, m := range metrics {
		for _, it := range m.items {
			for _, v := range a.Values {
				if it.object == a.Object && (it.value == v.Name || it.value == "*") {
					see(it.history, it.as(a, v))
					see(it.storedAs(v), it.as(a, v))
				}
			}
		}
	}
}

// isAnswered tells the columns of present state, and the leaves of their documents, that hold the value of one answer.
func isAnswered(key string) bool {
	for _, m := range metrics {
		if slices.ContainsFunc(m.items, func(it item) bool {
			stem, wild := strings.CutSuffix(it.present, "*")
			return it.present == key || wild && strings.HasPrefix(key, stem)
		}) {
			return true
		}
	}
	return false
}
