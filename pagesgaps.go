package flows

import (
	"strings"
	"time"
)

// GapKind is what can be done about half-hours that a log did not give.
type GapKind string

// Kinds of gaps, the best that can be hoped for first.
const (
	GapNeverReached GapKind = "never_reached" // the meter is asked again
	GapNotLogged    GapKind = "not_logged"    // the meter has shown that it has none
	GapInvalid      GapKind = "invalid"       // the meter's record is marked invalid
)

// GapKinds lists all of them.
var GapKinds = []GapKind{GapNeverReached, GapNotLogged, GapInvalid}

// GapQuery chooses gaps, the newest day first.
type GapQuery struct {
	ESCO   string
	Serial string
	Kind   GapKind // "" = all
	Again  bool    // only those that are asked for again
	From   Cursor  // key: GapLine.Place
	Limit  int     // 0 = none
}

// GapLine is a gap of any meter.
type GapLine struct {
	Serial string `json:"serial"`
	ESCO   string `json:"esco"`
	Zone   string `json:"timezone"`
	MeterGap
	Expected  int       `json:"expected"`  // half-hours of the day
	Estimated int       `json:"estimated"` // of them
	Age       int       `json:"age_days"`
	Register  string    `json:"register_id"`
	NotAsked  string    `json:"not_asked"`         // why it is not asked for; "" = it is, or there is nothing to ask for
	Every     Frequency `json:"asked_every"`       // of the runs that read logs; "" = none does
	Tries     int       `json:"tries"`             // such runs since the day ended, where half-hours were never reached
	Answered  int       `json:"answered"`          // of them the meter gave records
	Tried     time.Time `json:"tried_at,omitzero"` // the last of them
	Shown     time.Time `json:"shown_at,omitzero"` // when the meter last showed that its log has none
}

// Place is where the line is among all of them.
func (g GapLine) Place() string {
	return strings.Join([]string{g.Day, g.Element, g.Register, string(g.Direction), g.Serial}, ".")
}
