package flows

// DayState is how a local day of a meter's half-hours is, all registers and directions together.
type DayState string

// States of days, the best first.
const (
	DayComplete    DayState = "complete"     // every half-hour is known, none by estimate
	DayEstimated   DayState = "estimated"    // every half-hour is known, some by estimate
	DayPartial     DayState = "partial"      // some are known
	DayNone        DayState = "none"         // none is known
	DayNotExpected DayState = "not_expected" // the meter had no register, or nobody has judged the day
)

// FleetDays is how complete the last days are.
type FleetDays struct {
	Days       []string    `json:"days"`       // local dates, the oldest first; the last is yesterday
	Meters     []MeterDays `json:"meters"`     // those with something missing, the most first
	Incomplete int         `json:"incomplete"` // how many there are
	Complete   int         `json:"complete"`   // how many had registers and nothing missing
}

// MeterDays is a meter with the states of the days.
type MeterDays struct {
	Serial  string     `json:"serial"`
	Name    string     `json:"name"`
	States  []DayState `json:"states"`
	Lacking int        `json:"half_hours_lacking"`
}
