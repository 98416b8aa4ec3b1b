package supabase

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"flows"
)

// page is how many rows a hosted project gives at the most.
const page = 1000

// all reads every row by its key, which must be in the row as the function says.
func all[R any](ctx context.Context, s *Store, doing, table, key string, query url.Values, keyOf func(R) string) (rows []R, err error) {
	query = maps.Clone(query)
	query.Set("order", key)
	query.Set("limit", fmt.Sprint(page))
	for {
		var some []R
		if err := s.do(ctx, doing, call{method: http.MethodGet, path: table, query: query}, &some); err != nil {
			return nil, err
		}
		rows = append(rows, some...)
		// A server may give fewer than it is asked for: only an empty page is the end.
		if len(some) == 0 {
			return rows, nil
		}
		query.Set(key, "gt."+keyOf(some[len(some)-1]))
	}
}

// registryRow is a row of meter_registry; a column that is not there stays as it is here.
type registryRow struct {
	ID              string      `json:"id"`
	Serial          string      `json:"serial"`
	Address         *netip.Addr `json:"ip_address"`
	Port            uint16      `json:"port"`
	Hardware        *string     `json:"hardware"`
	Mode            flows.Mode  `json:"mode"`
	ESCO            *string     `json:"esco"`
	Name            *string     `json:"name"`
	Maintenance     bool        `json:"maintenance"`
	FrameAddress    *uint32     `json:"frame_address"`
	FirmwareVersion *string     `json:"firmware_version"`
	PrepayEnabled   *bool       `json:"prepay_enabled"`
	DaylightSavings *bool       `json:"daylight_savings_correction_enabled"`
}

// defaultPort is every meter's in a registry without the column.
const defaultPort = 8080

func (r registryRow) address() netip.AddrPort {
	port := r.Port
	switch {
	case r.Address == nil:
		return netip.AddrPort{}
	case port == 0:
		port = defaultPort
	}
	return netip.AddrPortFrom(*r.Address, port)
}

// registry reads the rows of the chosen meters, by serial, and the codes of the ESCOs by id.
func (s *Store) registry(ctx context.Context, f flows.MeterFilter) (rows []registryRow, codes map[string]string, err error) {
	if codes, err = s.codes(ctx); err != nil {
		return nil, nil, err
	}
	query := url.Values{"select": {strings.Join(quoted(s.columns["meter_registry"]), ",")}}
	if f.ESCO != "" {
		id := ""
		for i, code := range codes {
			if strings.EqualFold(code, f.ESCO) {
				id = i
			}
		}
		if id == "" {
			return nil, nil, &flows.UnknownESCO{Code: f.ESCO}
		}
		query.Set("esco", "eq."+id)
	}
	if f.Due {
		query.Set("mode", "eq.active")
		query.Set("ip_address", "not.is.null")
	}
	key := func(r registryRow) string { return r.Serial }
	if len(f.Serials) == 0 {
		rows, err = all(ctx, s, "list meters", "meter_registry", "serial", query, key)
		return rows, codes, err
	}
	for some := range slices.Chunk(f.Serials, inURL) {
		query.Set("and", "(serial.in."+list(some)+")")
		more, err := all(ctx, s, "list meters", "meter_registry", "serial", query, key)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, more...)
	}
	slices.SortFunc(rows, func(a, b registryRow) int { return strings.Compare(a.Serial, b.Serial) })
	return slices.CompactFunc(rows, func(a, b registryRow) bool { return a.ID == b.ID }), codes, nil
}

// inURL is how many values one address has room for: gateways refuse some 8 kB.
const inURL = 100

// list is values for PostgREST's in.
func list(values []string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + quote.Replace(v) + `"`)
	}
	return "(" + b.String() + ")"
}

func (s *Store) codes(ctx context.Context) (map[string]string, error) {
	type row struct{ ID, Code string }
	rows, err := all(ctx, s, "list ESCOs", "escos", "id", url.Values{"select": {"id,code"}}, func(r row) string { return r.ID })
	codes := map[string]string{}
	for _, r := range rows {
		codes[r.ID] = r.Code
	}
	return codes, err
}

// Meters gives the chosen meters by serial. What a run must know of their past comes with Recall. Errors: *flows.UnknownSerials,
// *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) Meters(ctx context.Context, f flows.MeterFilter) ([]flows.Meter, error) {
	rows, codes, err := s.registry(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := s.known(ctx, f, rows); err != nil {
		return nil, err
	}
	meters := make([]flows.Meter, len(rows))
	for i, r := range rows {
		m := flows.Meter{ID: r.ID, Serial: r.Serial, Address: r.address(), FrameAddress: r.FrameAddress, Mode: r.Mode,
			Registry: flows.Registry{Hardware: r.Hardware, FrameAddress: r.FrameAddress, FirmwareVersion: r.FirmwareVersion,
				PrepayEnabled: r.PrepayEnabled, DaylightSavings: r.DaylightSavings}}
		if r.Hardware != nil {
			m.Hardware = *r.Hardware
		}
		if r.ESCO != nil {
			m.ESCO = codes[*r.ESCO]
		}
		meters[i] = m
	}
	return meters, nil
}

// known refuses serials that are not there: a typing error must not look like a fleet without work. Those that are there but not due are
// left to whoever asked.
func (s *Store) known(ctx context.Context, f flows.MeterFilter, rows []registryRow) error {
	missing := slices.DeleteFunc(slices.Clone(f.Serials), func(serial string) bool {
		return slices.ContainsFunc(rows, func(r registryRow) bool { return r.Serial == serial })
	})
	if len(missing) == 0 {
		return nil
	}
	if f.Due {
		f.Due, f.Serials = false, missing
		rows, _, err := s.registry(ctx, f)
		if err != nil {
			return err
		}
		return s.known(ctx, f, rows)
	}
	return &flows.UnknownSerials{Serials: missing, ESCO: f.ESCO}
}

// Recall fills in what a run with these metrics must know of the meter's past.
func (s *Store) Recall(ctx context.Context, m *flows.Meter, metrics []string) error {
	reads := func(name string) bool {
		return slices.ContainsFunc(metrics, func(n string) bool { return strings.EqualFold(n, name) })
	}
	if reads("SyncerEventLog") {
		var last []struct {
			Timestamp time.Time `json:"timestamp"`
		}
		query := url.Values{"select": {"timestamp"}, "meter_id": {"eq." + m.ID}, "order": {"timestamp.desc"}, "limit": {"1"}}
		if err := s.do(ctx, "look for the last event of "+m.Serial, call{method: http.MethodGet, path: "meter_event_log", query: query}, &last); err != nil {
			return err
		}
		for _, e := range last {
			m.LastEvent = e.Timestamp.UTC()
		}
	}
	if !reads(profileMetric) || !s.logs() {
		return nil
	}
	registers, err := s.registers(ctx, m.ID)
	if err != nil {
		return err
	}
	return s.marks(ctx, m, registers)
}

// register is an enabled register of a meter.
type register struct {
	ID      string `json:"register_id"`
	Meter   string `json:"meter_id"`
	Element string `json:"element"`
}

// element is A or B: SINGLE is the A of a meter that has no B.
func (r register) element() string {
	if r.Element == "B" {
		return "B"
	}
	return "A"
}

func (s *Store) registers(ctx context.Context, meters ...string) (registers []register, err error) {
	for some := range slices.Chunk(meters, inURL) {
		query := url.Values{"select": {"register_id,meter_id,element"}, "status": {"eq.enabled"}, "meter_id": {"in." + list(some)}}
		more, err := all(ctx, s, "look for registers", "meter_registers", "register_id", query, func(r register) string { return r.ID })
		if err != nil {
			return nil, err
		}
		registers = append(registers, more...)
	}
	return registers, nil
}

func (s *Store) marks(ctx context.Context, m *flows.Meter, registers []register) error {
	if len(registers) == 0 {
		return nil
	}
	ids := make([]string, len(registers))
	elements := map[string]string{}
	for i, r := range registers {
		ids[i], elements[r.ID] = r.ID, r.element()
	}
	var marks []struct {
		Register  string          `json:"register_id"`
		Direction flows.Direction `json:"direction"`
		Through   time.Time       `json:"through"`
	}
	query := url.Values{"select": {"register_id,direction,through"}, "register_id": {"in." + list(ids)}}
	if err := s.do(ctx, "look how far the log of "+m.Serial+" is known", call{method: http.MethodGet, path: "register_profile_mark", query: query}, &marks); err != nil {
		return err
	}
	m.Profile = nil
	for _, k := range marks {
		m.Profile = append(m.Profile, flows.ProfileMark{Element: elements[k.Register], Direction: k.Direction, Through: k.Through.UTC()})
	}
	return nil
}
