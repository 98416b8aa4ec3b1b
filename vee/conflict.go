package vee

import (
	"strings"

	"flows"
)

// conflicting reports times for which several values arrived. The first stays, the others are kept here; until a person picks one the
// half-hours at that read are not billed.
func conflicting(j *judgement) string {
	for _, c := range j.conflicts {
		if !j.onShownDay(c.t) {
			continue
		}
		others := make([]string, len(c.others))
		for i, v := range c.others {
			others[i] = j.kwh(v)
		}
		j.raise(flows.Exception{
			Period: period(c.t, c.t), Key: timeName(c.t), Count: len(c.others),
			Details: map[string]string{"kept_kwh": j.kwh(c.kept), "others_kwh": strings.Join(others, ", ")},
		})
	}
	return ""
}
