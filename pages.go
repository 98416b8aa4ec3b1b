package flows

import (
	"fmt"
	"time"
)

// MeterQuery chooses meters for a list. Its zero value chooses all of them.
type MeterQuery struct {
	ESCO     string // code, without regard to case; "" = all, those without an ESCO too
	Search   string // is part of the serial or of the name, without regard to case
	Health   HealthFilter
	Hardware string     // as the registry has it; "" = all
	Look     LookFilter // "" = all
	Fresh    AgeFilter  // "" = all
	Sort     MeterSort  // "" = by serial
	Down     bool       // the largest first; what is not known is last either way
	From     Cursor     // key: MeterLine.Place
	Limit    int        // 0 = none
}

// LookFilter chooses meters that are worth a look, of those that runs ask and that are not under maintenance; "" chooses all.
type LookFilter string

// What is worth a look.
const (
	LowBalanceLook LookFilter = "low_balance"
	WeakSignalLook LookFilter = "weak_signal"
	DriftLook      LookFilter = "clock_drift"
)

// LookFilters lists all of them.
var LookFilters = []LookFilter{LowBalanceLook, WeakSignalLook, DriftLook}

// Bounds of what is worth a look.
const (
	LowBalance = 2 * Pound        // below
	WeakSignal = 8                // csq, below
	ClockDrift = 60 * time.Second // at least, either way
)

// AgeFilter chooses meters that runs ask by how long ago they were last healthy; "" chooses all.
type AgeFilter string

// Ages, the freshest first. Each is up to the next.
const (
	AgeHour  AgeFilter = "1h"
	AgeHours AgeFilter = "3h"
	AgeDay   AgeFilter = "1d"
	AgeWeek  AgeFilter = "7d"
	AgeOlder AgeFilter = "older"
	AgeNever AgeFilter = "never"
)

// Ages lists all of them, and where each ends; 0 = nowhere.
var Ages = []struct {
	Age  AgeFilter
	Upto time.Duration
}{{AgeHour, time.Hour}, {AgeHours, 3 * time.Hour}, {AgeDay, 24 * time.Hour}, {AgeWeek, 7 * 24 * time.Hour}, {AgeOlder, 0}, {AgeNever, 0}}

// MeterSort is a column that meters are sorted by.
type MeterSort string

// Columns to sort by.
const (
	SortSerial  MeterSort = "serial"
	SortName    MeterSort = "name"
	SortHealthy MeterSort = "healthy" // last
	SortBalance MeterSort = "balance"
	SortSignal  MeterSort = "signal"
	SortDrift   MeterSort = "drift" // either way
)

// MeterSorts lists all of them.
var MeterSorts = []MeterSort{SortSerial, SortName, SortHealthy, SortBalance, SortSignal, SortDrift}

// HealthFilter chooses meters by their last verdict; "" chooses all.
type HealthFilter string

// Filters by health. Only meters that runs ask have one of the first three.
const (
	OnlyHealthy   HealthFilter = "healthy"
	OnlyUnhealthy HealthFilter = "unhealthy"
	OnlyNeverRead HealthFilter = "never"
	OnlyNotAsked  HealthFilter = "not_asked" // passive, or without an address
)

// HealthFilters lists all of them.
var HealthFilters = []HealthFilter{OnlyHealthy, OnlyUnhealthy, OnlyNeverRead, OnlyNotAsked}

// MeterLine is a meter in a list. Nil and zero times are not known.
type MeterLine struct {
	Serial      string    `json:"serial"`
	Name        string    `json:"name"`
	ESCO        string    `json:"esco"` // code
	Hardware    string    `json:"hardware"`
	Zone        string    `json:"timezone"` // the ESCO's, an IANA name
	Mode        Mode      `json:"mode"`
	Maintenance bool      `json:"maintenance"`
	Address     string    `json:"address"`        // "" = nobody knows where to ask
	Health      Health    `json:"health"`         // "" = never read
	Details     string    `json:"health_details"` // why it is unhealthy
	LastHealthy time.Time `json:"last_healthy_at,omitzero"`
	Balance     *Money    `json:"balance"`
	CSQ         *int      `json:"csq"`
	ImportA     *Energy   `json:"import_a"`
	ImportB     *Energy   `json:"import_b"`
	Drift       *int      `json:"clock_time_diff_seconds"` // meter minus server
	Place       string    `json:"-"`                       // in the list that was asked for
}

// NotRead says why no run asks the meter; "" when one does.
func (m MeterLine) NotRead() string { return NotRead(m.Mode, m.Address != "") }

// NotRead says why no run asks a meter; "" when one does.
func NotRead(mode Mode, address bool) string {
	switch {
	case mode == Passive:
		return "its mode is passive; only active meters are read"
	case !address:
		return "it has no address: nobody knows where to ask"
	}
	return ""
}

// Old says in a sentence that what the fleet shows is older than it should be, and since when; "" when it is not.
func (s Status) Old() string {
	for _, f := range Frequencies {
		last := s.Newest(f)
		if last.IsZero() || s.off(f) {
			continue
		}
		if !s.inTime(f, last) {
			return fmt.Sprintf("Nothing here is newer than the %s run of %s, %s ago.", f, s.Clock(last), Span(s.Time.Sub(last)))
		}
		if half := time.Duration(s.Freshness.P50) * time.Second; s.Freshness.Meters > 0 && half > silentPeriods*f.Period() {
			return fmt.Sprintf("Half of the meters were last read more than %s ago.", Span(half))
		}
		return ""
	}
	return ""
}

// Hint says what a person can do about the code.
func (c Code) Hint() string { return hints[c] }
