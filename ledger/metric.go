package ledger

import "strings"

// kind is a set of kinds of hardware, by what must be read from it.
type kind uint8

const (
	single kind = 1 << iota // one element; unknown hardware is read like it
	twin                    // elements A and B
	three                   // three phase

	onePhase = single | twin
	every    = onePhase | three
)

func kindOf(hardware string) kind {
	switch hardware {
	case "C1.w":
		return twin
	case "P1.ax", "P1.cx", "AX", "CX":
		return three
	}
	return single
}

// Objects that mean more than their value.
const (
	elementA    = 0xfffffc
	elementB    = 0xfffff8
	totalImport = 0x010800
	totalExport = 0x020800
	hardwareID  = 0x608000
	serialID    = 0x600100
	serial3ID   = 0xd7ff10
	hardware3ID = 0xd7ff11
	eventLogID  = 0x636200
	profileLogs = 0 // which are asked for without an object
)

// item is one value of an object and where it is stored. A value or column "*" is every value of the object by its name.
type item struct {
	object  uint32
	on      kind   // hardware that must be asked
	value   string // name in an Answer
	as      func(Answer, Value) truth
	present string // table and column of present state; behind it the path in a document
	history string // table and column
	maybe   kind   // hardware that may be asked too
}

// metrics is what each metric stores.
var metrics = []struct {
	name  string
	items []item
}{
	{"SyncerReads", []item{
		{elementA, onePhase, "import_active", number, "meter_shadows.import_a", "register_import.read.A", 0},
		{elementA, onePhase, "export_active", number, "meter_shadows.export_a", "register_export.read.A", 0},
		{elementB, twin, "import_active", number, "meter_shadows.import_b", "register_import.read.B", 0},
		{elementB, twin, "export_active", number, "meter_shadows.export_b", "register_export.read.B", 0},
		{totalImport, three, "total", number, "meter_shadows.import_a", "register_import.read.A", 0},
		{totalExport, three, "total", number, "meter_shadows.export_a", "register_export.read.A", 0},
	}},
	{"SyncerPrepayBalance", []item{{0xffc802, onePhase, "balance", number, "meter_shadows.balance", "meter_prepay_balance.balance", 0}}},
	{"SyncerCSQ", []item{{0xfffd1d, every, "csq", number, "meter_shadows.csq", "meter_csq.csq", 0}}},
	{"SyncerVoltage", []item{
		{0x0c0700, onePhase, "voltage", number, "meter_shadows.voltage", "meter_voltage.voltage", 0},
		{0x200700, three, "voltage", number, "meter_shadows.3p_voltage_l1", "meter_3p_voltage.voltage_l1", 0},
		{0x340700, three, "voltage", number, "meter_shadows.3p_voltage_l2", "meter_3p_voltage.voltage_l2", 0},
		{0x480700, three, "voltage", number, "meter_shadows.3p_voltage_l3", "meter_3p_voltage.voltage_l3", 0},
	}},
	{"SyncerClockDiff", []item{
		{0x800800, every, "drift", drift, "meter_shadows.clock_time_diff_seconds", "", 0},
		{0x800800, every, "clock", moment, "meter_shadows.clock_time_diff_synced_at", "", 0},
	}},
	{"SyncerBacklight", []item{{0xffff10, every, "backlight", word, "meter_shadows.backlight", "", 0}}},
	{"SyncerLoadSwitch", []item{{0xffff11, onePhase, "load_switch", word, "meter_shadows.load_switch", "", 0}}},
	{"SyncerEventLog", []item{{object: eventLogID, on: onePhase}}},
	{"SyncerProfileLog", []item{{object: profileLogs, on: every}}},
	{"SyncerSerial", []item{{object: serialID, on: onePhase}, {object: serial3ID, on: three}}},
	{"SyncerHardware", []item{
		{hardwareID, every, "hardware", word, "meter_registry.hardware", "", 0},
		{hardware3ID, three, "hardware", word, "meter_registry.hardware", "", 0},
	}},
	{"SyncerFirmwareVersion", []item{{0x000201, every, "firmware", word, "meter_registry.firmware_version", "", 0}}},
	{"SyncerPrepayEnabled", []item{{0xffff0d, onePhase, "prepay_enabled", flag, "meter_registry.prepay_enabled", "", 0}}},
	{"SyncerDaylightSavingsEnabled", []item{
		{0xffff0e, onePhase, "daylight_saving", flag, "meter_registry.daylight_savings_correction_enabled", "", 0},
	}},
	{"SyncerTariffsActive", []item{
		{0xffff22, onePhase, "price", amount, "meter_shadows.tariffs_active.standing_charge", "", 0},
		{0xffff2e, onePhase, "price", amount, "meter_shadows.tariffs_active.unit_rate_element_a", "", 0},
		{0xffff4d, twin, "price", amount, "meter_shadows.tariffs_active.unit_rate_element_b", "", single},
		{0xffff20, onePhase, "*", flag, "meter_shadows.tariffs_active.threshold_mask.*", "", 0},
		{0xffff1e, onePhase, "*", number, "meter_shadows.tariffs_active.threshold_values.*", "", 0},
		{0xffff2c, onePhase, "index", number, "meter_shadows.tariffs_active.block_rate", "", 0},
		{0xffff4b, twin, "index", number, "meter_shadows.tariffs_active.element_b_tou_rate", "", single},
		{0xffc805, onePhase, "price", amount, "meter_shadows.tariffs_active.prepayment_emergency_credit", "", 0},
		{0xffc806, onePhase, "price", amount, "meter_shadows.tariffs_active.prepayment_ecredit_availability", "", 0},
		{0xffc807, onePhase, "price", amount, "meter_shadows.tariffs_active.prepayment_debt_recovery_rate", "", 0},
	}},
	{"SyncerTariffsFuture", []item{
		{0xffff23, onePhase, "price", amount, "meter_shadows.tariffs_future.standing_charge", "", 0},
		{0xffff24, onePhase, "activation_local", local, "meter_shadows.tariffs_future.activation_datetime", "", 0},
		{0xfff839, onePhase, "price", amount, "meter_shadows.tariffs_future.unit_rate_element_a", "", 0},
		{0xfff601, twin, "price", amount, "meter_shadows.tariffs_future.unit_rate_element_b", "", single},
		{0xffff21, onePhase, "*", flag, "meter_shadows.tariffs_future.threshold_mask.*", "", 0},
		{0xffff1f, onePhase, "*", number, "meter_shadows.tariffs_future.threshold_values.*", "", 0},
		{0xffc808, onePhase, "price", amount, "meter_shadows.tariffs_future.prepayment_emergency_credit", "", 0},
		{0xffc809, onePhase, "price", amount, "meter_shadows.tariffs_future.prepayment_ecredit_availability", "", 0},
		{0xffc80a, onePhase, "price", amount, "meter_shadows.tariffs_future.prepayment_debt_recovery_rate", "", 0},
	}},
}

// itemsOf unites the metrics of the given names, in any case. Unknown names want nothing.
func itemsOf(names []string) []item {
	var all []item
	for _, m := range metrics {
		for _, name := range names {
			if strings.EqualFold(name, m.name) {
				all = append(all, m.items...)
				break
			}
		}
	}
	return all
}

// storedAs is the value's column of present state, once "*" has its name.
func (it *item) storedAs(v Value) string {
	if stem, wild := strings.CutSuffix(it.present, "*"); wild {
		return stem + v.Name
	}
	return it.present
}

// registers in the order in which they are asked: the first answered one gives all rows of a run their time.
var registers = []uint32{elementA, elementB, totalImport, totalExport}
