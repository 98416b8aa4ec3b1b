package postgres

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"flows"
)

// column says where one value of a result is stored. All values travel as PostgreSQL's text, so that energy and money stay exact.
type column struct {
	name string // quoted where SQL needs it
	kind string // the column's type
	fill bool   // written only where the column is null
	text func(*flows.Result) *string
	null func(*flows.Result) bool // the value is known to be nothing: null is written
}

// table is the columns of one table that a save may set.
type table struct {
	name    string
	columns []column
}

var registryTable = table{"flows.meter_registry", []column{
	// Another hardware than the registry's is reported by the run; only a person corrects it.
	{name: "hardware", kind: "text", fill: true, text: func(r *flows.Result) *string { return clean(r.Registry.Hardware) }},
	{name: "frame_address", kind: "integer", text: func(r *flows.Result) *string { return unsigned(r.Registry.FrameAddress) }},
	{name: "firmware_version", kind: "text", text: func(r *flows.Result) *string { return clean(r.Registry.FirmwareVersion) }},
	{name: "prepay_enabled", kind: "boolean", text: func(r *flows.Result) *string { return boolean(r.Registry.PrepayEnabled) }},
	{name: "daylight_savings_correction_enabled", kind: "boolean", text: func(r *flows.Result) *string { return boolean(r.Registry.DaylightSavings) }},
}}

var shadowTable = table{"flows.meter_shadows", []column{
	{name: "import_a", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.ImportA) }},
	{name: "import_b", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.ImportB) }},
	{name: "export_a", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.ExportA) }},
	{name: "export_b", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.ExportB) }},
	{name: "balance", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.Balance) }},
	{name: "csq", kind: "integer", text: func(r *flows.Result) *string { return integer(r.Shadow.CSQ) }, null: func(r *flows.Result) bool { return r.NoCSQ }},
	{name: "voltage", kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.Voltage) }},
	{name: `"3p_voltage_l1"`, kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.VoltageL1) }},
	{name: `"3p_voltage_l2"`, kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.VoltageL2) }},
	{name: `"3p_voltage_l3"`, kind: "numeric", text: func(r *flows.Result) *string { return quantity(r.Shadow.VoltageL3) }},
	{name: "clock_time_diff_seconds", kind: "bigint", text: func(r *flows.Result) *string { return integer(r.Shadow.ClockDiff) }},
	{name: "clock_time_diff_synced_at", kind: "timestamptz", text: func(r *flows.Result) *string { return moment(r.Shadow.ClockDiffAt) }},
	{name: "tariffs_active", kind: "jsonb", text: func(r *flows.Result) *string { return document(r.Shadow.TariffsActive) }},
	{name: "tariffs_future", kind: "jsonb", text: func(r *flows.Result) *string { return document(r.Shadow.TariffsFuture) }},
	{name: "backlight", kind: "text", text: func(r *flows.Result) *string { return clean(r.Shadow.Backlight) }},
	{name: "load_switch", kind: "text", text: func(r *flows.Result) *string { return clean(r.Shadow.LoadSwitch) }},
	{name: "health", kind: "text", text: func(r *flows.Result) *string { return new(string(r.Health)) }},
	{name: "health_details", kind: "text", text: func(r *flows.Result) *string { return clean(&r.Details) }},
	{name: "read_at", kind: "timestamptz", text: func(r *flows.Result) *string { return moment(&r.ReadAt) }},
}}

// read gives the set of columns that the result has something for, bit i for column i, and their values in that order.
func (t table) read(r *flows.Result) (set uint64, values []*string) {
	for i, c := range t.columns {
		text := c.text(r)
		if text == nil && (c.null == nil || !c.null(r)) {
			continue
		}
		if c.null != nil && c.null(r) {
			text = nil
		}
		set |= 1 << i
		values = append(values, text)
	}
	return set, values
}

func quantity[Q interface{ String() string }](q *Q) *string {
	if q == nil {
		return nil
	}
	return new((*q).String())
}

func integer(i *int) *string {
	if i == nil {
		return nil
	}
	return new(strconv.Itoa(*i))
}

func unsigned(u *uint32) *string {
	if u == nil {
		return nil
	}
	return new(strconv.FormatUint(uint64(*u), 10))
}

func boolean(b *bool) *string {
	if b == nil {
		return nil
	}
	return new(strconv.FormatBool(*b))
}

// moment cuts to microseconds, as PostgreSQL would round: the same time must always become the same row.
func moment(t *time.Time) *string {
	if t == nil || t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.999999Z"))
}

func document(raw []byte) *string {
	if len(raw) == 0 {
		return nil
	}
	return new(string(raw))
}

// clean drops what PostgreSQL cannot store in a text, so that odd bytes of one meter cannot fail the save of a whole group.
func clean(s *string) *string {
	if s == nil || storable(*s) {
		return s
	}
	return new(strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", ""))
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
