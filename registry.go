package flows

import (
	"fmt"
	"strings"
)

// MeterFilter chooses meters; its zero value chooses all of them.
type MeterFilter struct {
	ESCO    string   // code, without regard to case; "" = all, those without an ESCO too
	Serials []string // none = all
	Due     bool     // only those a run asks: active, with an address
}

// UnknownSerials are asked for but not in the registry, or not of the ESCO that was asked for too.
type UnknownSerials struct {
	Serials []string
	ESCO    string
}

func (e *UnknownSerials) Error() string {
	of := ""
	if e.ESCO != "" {
		of = fmt.Sprintf(" in ESCO %q", e.ESCO)
	}
	if len(e.Serials) == 1 {
		return fmt.Sprintf("meter %s is not known%s; flows meters list shows which are", e.Serials[0], of)
	}
	return fmt.Sprintf("meters %s are not known%s; flows meters list shows which are", strings.Join(e.Serials, ", "), of)
}

// UnknownESCO is asked for but not in the database.
type UnknownESCO struct{ Code string }

func (e *UnknownESCO) Error() string {
	return fmt.Sprintf("ESCO %q is not known; flows escos list shows which are", e.Code)
}

// FieldMetrics is what the systems in the field read at a frequency, where no table says so.
func FieldMetrics(f Frequency) []string {
	switch f {
	case Hourly:
		return []string{"SyncerCSQ", "SyncerEventLog", "SyncerPrepayBalance", "SyncerReads", "SyncerVoltage"}
	case Daily:
		return []string{"SyncerBacklight", "SyncerClockDiff", "SyncerDaylightSavingsEnabled", "SyncerFirmwareVersion", "SyncerHardware", "SyncerLoadSwitch",
			"SyncerPrepayEnabled", "SyncerReads", "SyncerSerial", "SyncerTariffsActive", "SyncerTariffsFuture"}
	}
	return nil
}
