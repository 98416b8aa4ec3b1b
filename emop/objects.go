package emop

import "time"

// Table is every object of a meter that is known, in the order of the documentation. Read it only.
var Table = []Described{
	Time, Serial, ThreePhaseSerial, Hardware, ThreePhaseHardware, Firmware, CSQ,
	ElementA, ElementB,
	TotalImportActive, TotalExportActive, TotalImportReactive, TotalExportReactive, TotalImportApparent, TotalExportApparent,
	Voltage, Current, PowerActive, PowerReactive, PowerFactor, Frequency,
	AverageVoltage, AverageCurrent, AverageFrequency,
	PowerImportA, PowerImportB, VoltageL1, VoltageL2, VoltageL3,
	PrepayEnabled, PrepayBalance, PrepayToken, TransactionCount, LastTransaction,
	DaylightSavings, Backlight, LoadSwitch, TimeSwitchesA, TimeSwitchesB,
	ActiveStandingCharge, ActiveThresholdMask, ActiveThresholds, ActivePrice, ActiveTOUPriceB, ActivePriceA, ActivePriceB,
	ActiveBlockRate, ActiveTOURateA, ActiveTOURateB, ActivePriceIndexA, ActivePriceIndexB, ActiveTOUFlag,
	ActiveEmergencyCredit, ActiveEcreditAvailability, ActiveDebtRecovery, ActiveGas,
	FutureStandingCharge, FutureThresholdMask, FutureThresholds, FutureTOUFlag, FutureActivation, FuturePrice, FutureTOUPriceB,
	FutureEmergencyCredit, FutureEcreditAvailability, FutureDebtRecovery, FutureGas,
}

// Identity, clock and signal.
var (
	Time               = Object[time.Time]{Entry{"time", 0x800800, All, "UTC", Captured, "the meter's clock"}, clock}
	Serial             = Object[string]{Entry{"serial", 0x600100, SinglePhase, "", Captured, "serial number, EML and digits"}, serial}
	ThreePhaseSerial   = Object[string]{Entry{"three_phase_serial", 0xd7ff10, ThreePhase, "", Documented, "serial number, EML and digits"}, serial}
	Hardware           = Object[string]{Entry{"hardware", 0x608000, All, "", Captured, "hardware; empty on three phase: read three_phase_hardware"}, hardware}
	ThreePhaseHardware = Object[string]{Entry{"three_phase_hardware", 0xd7ff11, ThreePhase, "", Provisional, "P1.ax whole current, P1.cx CT operated"}, threePhaseHardware}
	Firmware           = Object[string]{Entry{"firmware", 0x000201, All, "", Captured, "firmware version; hex on three phase"}, firmware}
	CSQ                = Object[Signal]{Entry{"csq", 0xfffd1d, All, "", Captured, "signal quality 0..31 and operator"}, signal}
)

// Registers and totals: counters of 32 bits that wrap, and start from 0 in a new meter.
var (
	ElementA            = Object[Registers]{Entry{"element_a", 0xfffffc, SinglePhase, "Wh, varh", Captured, "registers of element A"}, registers}
	ElementB            = Object[Registers]{Entry{"element_b", 0xfffff8, TwinElement, "Wh, varh", Captured, "registers of element B"}, registers}
	TotalImportActive   = Object[uint32]{Entry{"total_import_active", 0x010800, ThreePhase, "Wh (P1.cx: 0.1 Wh)", Documented, "active import"}, u32}
	TotalExportActive   = Object[uint32]{Entry{"total_export_active", 0x020800, ThreePhase, "Wh (P1.cx: 0.1 Wh)", Documented, "active export"}, u32}
	TotalImportReactive = Object[uint32]{Entry{"total_import_reactive", 0x030800, ThreePhase, "varh (P1.cx: 0.1 varh)", Documented, "reactive import"}, u32}
	TotalExportReactive = Object[uint32]{Entry{"total_export_reactive", 0x040800, ThreePhase, "varh (P1.cx: 0.1 varh)", Documented, "reactive export"}, u32}
	TotalImportApparent = Object[uint32]{Entry{"total_import_apparent", 0x090800, ThreePhase, "VAh (P1.cx: 0.1 VAh)", Documented, "apparent import"}, u32}
	TotalExportApparent = Object[uint32]{Entry{"total_export_apparent", 0x100800, ThreePhase, "VAh (P1.cx: 0.1 VAh)", Documented, "apparent export"}, u32}
)

// Values of now, and averages.
var (
	Voltage          = Object[uint16]{Entry{"voltage", 0x0c0700, SinglePhase, "0.1 V", Captured, "voltage now"}, u16}
	Current          = Object[uint16]{Entry{"current", 0x0b0700, SinglePhase, "0.1 A", Documented, "current now"}, u16}
	PowerActive      = Object[uint16]{Entry{"power_active", 0x010700, SinglePhase, "W", Documented, "active power now"}, u16}
	PowerReactive    = Object[uint16]{Entry{"power_reactive", 0x030700, SinglePhase, "var", Documented, "reactive power now"}, u16}
	PowerFactor      = Object[uint16]{Entry{"power_factor", 0x0d0700, SinglePhase, "0.01", Documented, "power factor now"}, u16}
	Frequency        = Object[uint16]{Entry{"frequency", 0x0e0700, SinglePhase, "0.1 Hz", Documented, "frequency now"}, u16}
	AverageVoltage   = Object[uint16]{Entry{"average_voltage", 0x0c1800, SinglePhase, "0.1 V", Documented, "average voltage"}, u16}
	AverageCurrent   = Object[uint16]{Entry{"average_current", 0x0b1800, SinglePhase, "0.1 A", Documented, "average current"}, u16}
	AverageFrequency = Object[uint16]{Entry{"average_frequency", 0x0e1800, SinglePhase, "0.1 Hz", Documented, "average frequency"}, u16}
	PowerImportA     = Object[uint16]{Entry{"power_import_a", 0x150700, SinglePhase, "W", Documented, "active power imported now, element A"}, u16}
	PowerImportB     = Object[uint16]{Entry{"power_import_b", 0x290700, TwinElement, "W", Documented, "active power imported now, element B"}, u16}
	VoltageL1        = Object[uint16]{Entry{"voltage_l1", 0x200700, ThreePhase, "0.1 V", Documented, "voltage now, L1"}, u16}
	VoltageL2        = Object[uint16]{Entry{"voltage_l2", 0x340700, ThreePhase, "0.1 V", Documented, "voltage now, L2; fails alone at times"}, u16}
	VoltageL3        = Object[uint16]{Entry{"voltage_l3", 0x480700, ThreePhase, "0.1 V", Documented, "voltage now, L3; fails alone at times"}, u16}
)

// Prepayment.
var (
	PrepayEnabled    = Object[bool]{Entry{"prepay_enabled", 0xffff0d, SinglePhase, "", Documented, "prepay or credit mode"}, yesNo}
	PrepayBalance    = Object[int32]{Entry{"prepay_balance", 0xffc802, SinglePhase, price, Captured, "balance; in credit mode too"}, i32}
	PrepayToken      = WriteOnly{Entry{"prepay_token", 0xffc803, SinglePhase, "", Captured, "a top-up, 20 digits, a secret"}}
	TransactionCount = Object[uint16]{Entry{"transaction_count", 0xffc83e, SinglePhase, "", Documented, "number of transactions"}, transactionCount}
	LastTransaction  = Object[Transaction]{Entry{"transaction", 0xffc840, SinglePhase, price, Documented, "time and value of a transaction"}, transaction}
)

// Settings.
var (
	DaylightSavings = Object[bool]{Entry{"daylight_savings", 0xffff0e, SinglePhase, "", Documented, "daylight saving correction of the clock"}, yesNo}
	Backlight       = Object[string]{Entry{"backlight", 0xffff10, All, "", Provisional, "backlight; its numbers are provisional"}, backlight}
	LoadSwitch      = Object[string]{Entry{"load_switch", 0xffff11, SinglePhase, "", Provisional, "load switch button; id and numbers are provisional"}, loadSwitch}
	TimeSwitchesA   = Object[[]byte]{Entry{"time_switches_a", 0x0d0000, SinglePhase, "", Documented, "time switches of element A or the single one, 80 bytes, meaning unknown"}, opaque}
	TimeSwitchesB   = Object[[]byte]{Entry{"time_switches_b", 0x0d00ff, TwinElement, "", Documented, "time switches of element B, 80 bytes, meaning unknown"}, opaque}
)
