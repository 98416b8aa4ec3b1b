package flows

import "time"

// SlotLength is the length of a half-hour. Slots begin at whole and half hours UTC, whatever the local time is.
const SlotLength = 30 * time.Minute

// Period is a stretch of time; its end does not belong to it. A zero From or To is no bound.
type Period struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Direction says which way the energy went.
type Direction string

// The two directions of a register; each is judged apart.
const (
	Import Direction = "import"
	Export Direction = "export"
)

// Quality says how the energy of a half-hour came to be known.
type Quality string

// Qualities, the best first.
const (
	Edited    Quality = "edited"    // a person's word
	Actual    Quality = "actual"    // the difference of two neighbours in the meter's own log
	Derived   Quality = "derived"   // from register reads that lie close enough together
	Estimated Quality = "estimated" // a share of a total that is known
	NoQuality Quality = ""          // nobody knows: the value is null
)

// Rank orders qualities: a value replaces only one of a lower rank.
func (q Quality) Rank() int {
	switch q {
	case Edited:
		return 4
	case Actual:
		return 3
	case Derived:
		return 2
	case Estimated:
		return 1
	}
	return 0
}

// Method says how the value of a half-hour was made.
type Method string

// Methods.
const (
	Difference    Method = "difference"    // of two neighbours in the log
	Reading       Method = "reading"       // up to or from a reading taken when the meter was exchanged
	Interpolation Method = "interpolation" // between two register reads
	Linear        Method = "linear"        // estimated between the half-hours before and after
	LikeDay       Method = "like_day"      // estimated like the same half-hour of like days
	Flat          Method = "flat"          // estimated evenly
	Edit          Method = "edit"
	NoMethod      Method = ""
)

// Interval is the energy of one half-hour of one register and direction, as register_interval_hh holds it.
type Interval struct {
	Start    time.Time `json:"start"`
	Value    *Energy   `json:"value"` // nil: nobody knows
	Quality  Quality   `json:"quality"`
	Method   Method    `json:"method"`
	Reason   string    `json:"reason"` // the rule that spoke, or what the person wrote; "" for a plain difference
	Billable bool      `json:"billable"`

	// Withdraws says that a verdict on a raw read stands behind this row: whatever stands in its place, even of a higher rank, is withdrawn.
	Withdraws bool `json:"-"`
}

// Severity of an exception.
type Severity string

// Severities, the least first.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityError    Severity = "error"
	SeverityCritical Severity = "critical"
)

// Rule names a rule of validation.
type Rule string

// The rules. The first seven are verdicts on reads, made while differences are taken.
const (
	RuleReset          Rule = "RESET"
	RuleResetSuspected Rule = "RESET_SUSPECTED"
	RuleRollover       Rule = "ROLLOVER"
	RuleReversal       Rule = "REVERSAL"
	RuleBadRead        Rule = "BAD_READ"
	RuleMaxEnergy      Rule = "MAX_ENERGY"
	RuleStatus         Rule = "STATUS"

	RuleMissing             Rule = "MISSING"
	RuleConflict            Rule = "CONFLICT"
	RuleOffGrid             Rule = "OFF_GRID"
	RuleFuture              Rule = "FUTURE"
	RuleClock               Rule = "CLOCK"
	RuleBracket             Rule = "BRACKET"
	RuleSpike               Rule = "SPIKE"
	RuleHighLow             Rule = "HIGH_LOW"
	RuleZeroRun             Rule = "ZERO_RUN"
	RuleUseWhileOff         Rule = "USE_WHILE_OFF"
	RuleStaleRead           Rule = "STALE_READ"
	RuleReverseEnergy       Rule = "REVERSE_ENERGY"
	RuleVoltage             Rule = "VOLTAGE"
	RuleTamper              Rule = "TAMPER"
	RuleProlongedEstimation Rule = "PROLONGED_ESTIMATION"
	RuleReplacedAfterExport Rule = "REPLACED_AFTER_EXPORT"
)

// Exception is what a rule found. The same one found again, by rule and key, counts up and makes no second row.
type Exception struct {
	Rule     Rule              `json:"rule"`
	Severity Severity          `json:"severity"`
	Period   Period            `json:"period"`
	Key      string            `json:"key"`   // with the rule and the register and direction (or the meter) it names one open exception
	Count    int               `json:"count"` // half-hours, records or samples concerned
	Details  map[string]string `json:"details,omitempty"`
}

// Touches says whether the exception's period and p have something in common.
func (e Exception) Touches(p Period) bool {
	return (p.To.IsZero() || e.Period.From.Before(p.To)) && (e.Period.To.IsZero() || e.Period.To.After(p.From) || !e.Period.From.Before(p.From))
}
