package flows

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Meter is a row of meter_registry with what a run must know of the past.
type Meter struct {
	ID           string // uuid
	Serial       string
	Address      netip.AddrPort // zero when the registry has none: the meter is not asked
	Hardware     string         // "" = not known yet
	FrameAddress *uint32        // the meter's own address on the wire; nil = not known yet
	ESCO         string         // code; "" = none
	Mode         Mode
	Registry     Registry      // what the registry holds, for syncers that write only changes
	LastEvent    time.Time     // time of the newest stored event; zero = none
	Profile      []ProfileMark // how far the meter's half-hourly log is known; what is not there is not known at all
	LastHealthy  time.Time     // when a run last found the meter healthy; zero = never
}

// Registry is the part of meter_registry that comes from the meter itself. Nil means not read (in a Result) or not known (in a Meter).
type Registry struct {
	Hardware        *string
	FrameAddress    *uint32
	FirmwareVersion *string
	PrepayEnabled   *bool
	DaylightSavings *bool // daylight_savings_correction_enabled
}

// Shadow holds what one run read of a meter's current state. Nil means not read; zero is zero.
type Shadow struct {
	ImportA, ImportB *Energy
	ExportA, ExportB *Energy
	Balance          *Money
	CSQ              *int
	Voltage          *Voltage
	VoltageL1        *Voltage // "3p_voltage_l1" and so on
	VoltageL2        *Voltage
	VoltageL3        *Voltage
	ClockDiff        *int // seconds, signed, meter minus server
	ClockDiffAt      *time.Time
	TariffsActive    json.RawMessage
	TariffsFuture    json.RawMessage
	Backlight        *string
	LoadSwitch       *string
}

// Event is a row of the meter's event log. The meter's clock made its time.
type Event struct {
	Time time.Time
	Type int
	Set  int // the meter's counter of that type
}
