package flows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// LogReach is how far back meters' logs go, or a little less: what was not fetched by then is lost.
	LogReach = 90 * 24 * time.Hour
	// GapsWithin is how far back Gaps are counted.
	GapsWithin = 7 * 24 * time.Hour
)

// HalfHours says how the half-hours of yesterday are, which is another day for an ESCO in another time zone; what was found wrong with
// half-hours of any time and nobody has answered; and what their logs did not give.
type HalfHours struct {
	Days     []string `json:"days"`     // that were yesterday for some meter; most often one
	Meters   int      `json:"meters"`   // active, with a register that was there yesterday
	Judged   int      `json:"judged"`   // of them, those of which all registers were judged after the day had ended
	Complete int      `json:"complete"` // of them, those of which all half-hours are known, none by estimate, of all registers and directions

	Expected  int `json:"expected"` // half-hours of these meters, each register and direction
	Estimated int `json:"estimated"`
	Unknown   int `json:"unknown"` // also those that nobody has asked for yet

	Exceptions []OpenExceptions `json:"exceptions"` // the worst first, of those the most frequent
	Gaps       Gaps             `json:"gaps"`
	OldestGap  *Gap             `json:"oldest_gap"` // of those that are asked for again, as far as LogReach
}

// OpenExceptions counts exceptions that nobody has answered.
type OpenExceptions struct {
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	Count    int      `json:"count"`
	Failing  int      `json:"of_failing_meters"` // of Count
}

// Gaps counts days within GapsWithin, of a register and direction each, of which half-hours are missing, by the best that can be hoped for them.
type Gaps struct {
	NeverReached int `json:"never_reached"`
	NotLogged    int `json:"not_logged"`
	Invalid      int `json:"invalid"`
}

// Gap is a local day of which half-hours of a register and direction were never reached.
type Gap struct {
	Serial    string    `json:"serial"`
	Element   string    `json:"element"`
	Direction Direction `json:"direction"`
	Day       string    `json:"day"`
	Since     time.Time `json:"since"` // the day's beginning
	Age       int       `json:"age_days"`
	HalfHours int       `json:"half_hours"`
}

// EstimatedShare is 0 to 1; not known when no half-hour is expected.
func (h HalfHours) EstimatedShare() (share float64, known bool) {
	return Rate{h.Estimated, h.Expected}.Ratio()
}

// MarshalJSON adds the estimated share, null when it is not known.
func (h HalfHours) MarshalJSON() ([]byte, error) {
	type plain HalfHours
	with := struct {
		plain
		Share *float64 `json:"estimated_share"`
	}{plain(h), nil}
	if share, known := h.EstimatedShare(); known {
		with.Share = &share
	}
	return json.Marshal(with)
}

// exceptions need a person when they are errors that stay whatever runs later. A meter that gives nothing is told of by failing, and what a
// meter that answers has not logged nobody can bring back.
func (s Status) exceptions() []Need {
	if s.HalfHours == nil {
		return nil
	}
	var rules []Rule
	all, counts := 0, map[Rule]int{}
	for _, x := range s.HalfHours.Exceptions {
		n := x.Count
		if x.Rule == RuleProlongedEstimation {
			n -= x.Failing
		}
		if n == 0 || x.Rule == RuleMissing || x.Severity != SeverityCritical && x.Severity != SeverityError {
			continue
		}
		if !slices.Contains(rules, x.Rule) {
			rules = append(rules, x.Rule)
		}
		all, counts[x.Rule] = all+n, counts[x.Rule]+n
	}
	if all == 0 {
		return nil
	}
	var found []string
	for _, r := range rules {
		found = append(found, fmt.Sprintf("%d %s", counts[r], r))
	}
	list := "flows vee list --severity critical,error"
	if s.ESCO != "" {
		list += " --esco " + s.ESCO
	}
	return []Need{{NeedExceptions, fmt.Sprintf("%s a person: %s; %s",
		number(all, "half-hour exception", "needs", "need"), strings.Join(found, ", "), list), all}}
}

// gap needs a person while there is time. Runs go on from where they are: one that has grown so old is of a meter that does not answer, or a
// backfill's.
func (s Status) gap() []Need {
	if s.HalfHours == nil || s.HalfHours.OldestGap == nil || s.HalfHours.OldestGap.Age <= oldestGap {
		return nil
	}
	g := s.HalfHours.OldestGap
	return []Need{{NeedGap, fmt.Sprintf("half-hours of %s (%s ago) were never fetched, and are lost after some %d days: flows backfill --from %[1]s, or see why: flows meters show %[4]s",
		g.Day, plural(g.Age, "day"), int(LogReach.Hours()/24), g.Serial), 1}}
}
