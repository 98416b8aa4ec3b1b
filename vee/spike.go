package vee

import (
	"slices"

	"flows"
)

// spike is Hampel's filter: a half-hour further from the median of its window than a multiple of the median absolute deviation. A window
// that is not wholly known, or in which more than half of the values are the same, says nothing.
func spike(j *judgement) string {
	size := j.limits.SpikeWindow
	buffer := make([]flows.Energy, 0, size)
	deviations := make([]flows.Energy, size)
	found := daily{cal: j.cal}
	ran := false
	for k := slotAt(j.from); k < slotAt(j.to); k++ {
		w := j.window(buffer, k, size)
		if w == nil {
			continue
		}
		ran = true
		x := w[size/2]
		slices.Sort(w)
		median := w[size/2]
		for i, v := range w {
			deviations[i] = max(v-median, median-v)
		}
		slices.Sort(deviations)
		mad := deviations[size/2]
		if mad > 0 && int64(max(x-median, median-x))*10_000 > j.limits.SpikeFactor*int64(mad) {
			e := found.add(k*slotMicros, (k+1)*slotMicros)
			e.Details[timeName(k*slotMicros)] = x.String()
		}
	}
	found.raise(j.raise)
	if !ran {
		return "no window of half-hours is wholly known"
	}
	return ""
}

// window takes the values around a half-hour, nil when one is not known.
func (j *judgement) window(w []flows.Energy, k int64, size int) []flows.Energy {
	for i := k - int64(size/2); i <= k+int64(size/2); i++ {
		s := j.at(i)
		if s == nil {
			return nil
		}
		v, known := s.energyOf()
		if !known {
			return nil
		}
		w = append(w, v)
	}
	return w
}
