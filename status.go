package flows

import (
	"encoding/json"
	"fmt"
	"time"
)

// Status is all that is known of a fleet at one moment, for a person or a monitor to judge. Meters under maintenance are counted in
// Meters.Maintenance and nowhere else. With an ESCO it tells of that ESCO's meters alone, also where a run was of all; the jobs and the
// database are always everybody's.
type Status struct {
	Time time.Time `json:"time"` // the database's clock
	ESCO string    `json:"esco"` // code; "" = all meters

	Meters     MeterCounts `json:"meters"`
	Freshness  Freshness   `json:"freshness"`
	Runs       []RunReport `json:"runs"`       // the last that has finished, of each frequency; of several ESCOs, of each of them
	Unfinished []RunReport `json:"unfinished"` // oldest first
	Success    Rate        `json:"success_24h"`
	Ticks      []Tick      `json:"ticks"`
	Failing    []Reason    `json:"failing"`    // meters that are unhealthy and have not been healthy for FailingAfter
	HalfHours  *HalfHours  `json:"half_hours"` // nil when none was judged yet
	Jobs       Jobs        `json:"jobs"`
	Database   Storage     `json:"database"`

	// Due has for each frequency the newest tick that was due at Time less TickGrace, nil when it is switched off. Who knows the schedule
	// fills it in; what is not in it is not judged by a schedule.
	Due map[Frequency]*time.Time `json:"due,omitempty"`
}

// FailingAfter is for how long a meter may be unhealthy before a person is asked to look: a day has both a night's and a day's signal
// and a run of every frequency.
const FailingAfter = 24 * time.Hour

// MeterCounts counts meters by what they are. Health is that of active meters: Active is the sum of the three.
type MeterCounts struct {
	Active      int `json:"active"`
	Healthy     int `json:"healthy"`
	Unhealthy   int `json:"unhealthy"`
	NeverRun    int `json:"never_run"`
	NoAddress   int `json:"no_address"` // active, but nobody knows where to ask
	Passive     int `json:"passive"`
	Maintenance int `json:"maintenance"` // of either mode

	// Of active meters, those worth a look.
	LowBalance int `json:"low_balance"`
	WeakSignal int `json:"weak_signal"`
	Drifting   int `json:"clock_drift"`
}

// Look is something that meters are worth a look for, and how many are.
type Look struct {
	Filter LookFilter
	Count  int
	Text   string // stands behind the number
}

// Looks lists what there is. None of it needs a person: a balance is the customer's, and a weak signal may do.
func (m MeterCounts) Looks() (list []Look) {
	for _, l := range []Look{
		{LowBalanceLook, m.LowBalance, fmt.Sprintf("balance below %d.00", LowBalance/Pound)},
		{WeakSignalLook, m.WeakSignal, fmt.Sprintf("signal too weak (csq < %d)", WeakSignal)},
		{DriftLook, m.Drifting, fmt.Sprintf("clock off by %d s and more", ClockDrift/time.Second)},
	} {
		if l.Count > 0 {
			list = append(list, l)
		}
	}
	return list
}

// Total is every meter.
func (m MeterCounts) Total() int { return m.Active + m.Passive + m.Maintenance }

// Freshness says how long ago active meters were last healthy, in seconds.
type Freshness struct {
	Meters int   `json:"meters"`        // that have been healthy at least once: the quantiles are over them
	Never  int   `json:"never_healthy"` // active meters that have not
	P50    int64 `json:"p50_seconds"`
	P95    int64 `json:"p95_seconds"`
	Sum    int64 `json:"-"`
	Ages   []int `json:"ages"` // meters by age, as Ages lists them
}

// RunReport is a run with what became of its meters.
type RunReport struct {
	Run
	Success Rate     `json:"success"`
	Reasons []Reason `json:"reasons"` // of the meters that did not come out healthy, the most frequent first
}

// Rate is how many meters came out healthy of those that were asked; skipped ones were not.
type Rate struct {
	Healthy int
	Of      int
}

// RateOf a run, as far as it has come.
func RateOf(r Run) Rate { return Rate{r.Healthy, r.Healthy + r.Unhealthy + r.NotDone} }

// Ratio is 0 to 1; not known without meters.
func (r Rate) Ratio() (ratio float64, known bool) {
	if r.Of == 0 {
		return 0, false
	}
	return float64(r.Healthy) / float64(r.Of), true
}

func (r Rate) String() string {
	if r.Of == 0 {
		return "-"
	}
	perMille := r.Healthy * 1000 / r.Of // cut, not rounded: 100 % is all of them
	return fmt.Sprintf("%d.%d %%", perMille/10, perMille%10)
}

// MarshalJSON adds the ratio, null when it is not known.
func (r Rate) MarshalJSON() ([]byte, error) {
	of := struct {
		Healthy int      `json:"healthy"`
		Of      int      `json:"of"`
		Ratio   *float64 `json:"ratio"`
	}{r.Healthy, r.Of, nil}
	if ratio, known := r.Ratio(); known {
		of.Ratio = &ratio
	}
	return json.Marshal(of)
}

// Reason groups meters by what happened to them.
type Reason struct {
	Code    Code     `json:"code,omitempty"`
	Text    string   `json:"text"` // of the first meter
	Count   int      `json:"count"`
	Serials []string `json:"serials"` // at most ten
}

// Tick is how far the schedule of a frequency has come. Who runs flows sync from cron has none.
type Tick struct {
	Frequency  Frequency `json:"frequency"`
	ESCO       string    `json:"esco"` // whose meters the schedule is for; "" = all
	Last       time.Time `json:"last"` // newest that has a run, or is known to have been missed
	Missed     int       `json:"missed_24h"`
	LastMissed time.Time `json:"last_missed,omitzero"`
}

// Jobs is the queue.
type Jobs struct {
	Waiting int       `json:"waiting"`
	Running int       `json:"running"`
	Oldest  time.Time `json:"oldest_waiting_since,omitzero"` // since when the oldest job that is due waits for a worker
}

// Storage is the database's size. Nil is not known.
type Storage struct {
	Bytes     int64  `json:"bytes"`
	Growth    *int64 `json:"growth_bytes_per_day"` // over the last week
	Free      *int64 `json:"free_bytes"`
	DaysLeft  *int64 `json:"days_left"` // until the disk is full; also nil when the database does not grow
	Directory string `json:"-"`         // where its files are, when that is on this machine
}

// SetFree says how much more the database may grow.
func (s *Storage) SetFree(bytes int64) {
	bytes = max(bytes, 0)
	s.Free, s.DaysLeft = &bytes, nil
	if s.Growth != nil && *s.Growth > 0 {
		days := bytes / *s.Growth
		s.DaysLeft = &days
	}
}

// Period is the time from one run of the frequency to the next by default.
func (f Frequency) Period() time.Duration {
	switch f {
	case Hourly:
		return time.Hour
	case TwelveHourly:
		return 12 * time.Hour
	}
	return 24 * time.Hour
}

// Span says a duration as people do: 45 s, 12 min, 3 h 5 min, 2 days 4 h.
func Span(d time.Duration) string {
	d = max(d, 0)
	switch minutes, hours := int(d.Minutes()), int(d.Hours()); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case hours == 0:
		return fmt.Sprintf("%d min", minutes)
	case hours < 24:
		return join(fmt.Sprintf("%d h", hours), minutes%60, "min")
	case hours < 14*24:
		return join(plural(hours/24, "day"), hours%24, "h")
	default:
		return plural(hours/24, "day")
	}
}

func join(text string, rest int, unit string) string {
	if rest == 0 {
		return text
	}
	return fmt.Sprintf("%s %d %s", text, rest, unit)
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}
