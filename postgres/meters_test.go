package postgres

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fleet is four meters: of ESCO Alpha, passive, without an address, of no ESCO.
func fleet(t *testing.T) *Store {
	t.Helper()
	s := mustStore(t)
	for _, e := range []flows.ESCO{{Code: "Alpha", Name: "Alpha Energy"}, {Code: "Beta"}} {
		if err := s.AddESCO(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	one, two := at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.2", "B1.w")
	one.ESCO, two.ESCO, two.Mode, two.Maintenance = new("alpha"), new("ALPHA"), new(flows.Passive), new(true)
	mustRegister(t, s, one, two, flows.Registration{Serial: "M3", ESCO: new("Alpha")}, at("M4", "10.0.0.4", ""))
	return s
}

func TestFilterChooses(t *testing.T) {
	s := fleet(t)
	for _, c := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all", Filter{}, "M1 M2 M3 M4"},
		{"all, by an empty list", Filter{Serials: []string{}}, "M1 M2 M3 M4"},
		{"due: active with an address", Filter{Due: true}, "M1 M4"},
		{"of an ESCO in any case", Filter{ESCO: "aLPHA"}, "M1 M2 M3"},
		{"of an ESCO without meters", Filter{ESCO: "beta"}, ""},
		{"by serial", Filter{Serials: []string{"M4", "M1", "M4"}}, "M1 M4"},
		{"by serial and due", Filter{Serials: []string{"M2", "M4"}, Due: true}, "M4"},
	} {
		meters, err := s.Meters(t.Context(), c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		rows, err := s.List(t.Context(), c.filter)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var read, listed []string
		for _, m := range meters {
			read = append(read, m.Serial)
		}
		for _, r := range rows {
			listed = append(listed, r.Serial)
		}
		if got := strings.Join(read, " "); got != c.want || strings.Join(listed, " ") != c.want {
			t.Errorf("%s: got meters %s and list %v, want %s", c.name, got, listed, c.want)
		}
	}
}

func TestFilterThatNamesWhatIsNotThereIsRefused(t *testing.T) {
	s := fleet(t)
	_, err := s.Meters(t.Context(), Filter{ESCO: "Gamma"})
	if unknown := (*UnknownESCO)(nil); !errors.As(err, &unknown) || unknown.Code != "Gamma" {
		t.Errorf("ESCO: %v", err)
	}
	for _, c := range []struct {
		filter Filter
		want   []string
	}{
		{Filter{Serials: []string{"Z", "M1", "A", "Z"}}, []string{"A", "Z"}},
		{Filter{Serials: []string{"M4", "M1"}, ESCO: "alpha"}, []string{"M4"}},
	} {
		_, err = s.List(t.Context(), c.filter)
		unknown := (*UnknownSerials)(nil)
		if !errors.As(err, &unknown) {
			t.Fatalf("%+v: %v", c.filter, err)
		}
		if diff := cmp.Diff(c.want, unknown.Serials); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.filter, diff)
		}
	}
}

func TestMeterBringsItsPast(t *testing.T) {
	s := fleet(t)
	mustExec(t, s, `update flows.meter_registry set frame_address = 16777215, firmware_version = '3_03_2', prepay_enabled = false,
		daylight_savings_correction_enabled = true where serial = 'M1'`)
	mustExec(t, s, `insert into flows.meter_event_log select id, h, 33, 1 from flows.meter_registry,
		(values (timestamptz '2026-01-01 00:00Z'), ('2026-01-03 00:00Z'), ('2026-01-02 00:00Z')) v (h) where serial = 'M1'`)
	meters, err := s.Meters(t.Context(), Filter{Serials: []string{"M1", "M3"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []flows.Meter{{
		Serial: "M1", Address: netip.MustParseAddrPort("10.0.0.1:8080"), Hardware: "C1.w", FrameAddress: new(uint32(16777215)), ESCO: "Alpha", Mode: flows.Active,
		Registry: flows.Registry{Hardware: new("C1.w"), FrameAddress: new(uint32(16777215)), FirmwareVersion: new("3_03_2"), PrepayEnabled: new(false),
			DaylightSavings: new(true)},
		LastEvent: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
	}, {Serial: "M3", ESCO: "Alpha", Mode: flows.Active}}
	if diff := cmp.Diff(want, meters, cmpopts.IgnoreFields(flows.Meter{}, "ID"), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDescribeSaysWhyAMeterIsNotRead(t *testing.T) {
	s := fleet(t)
	mustExec(t, s, `update flows.meter_shadows set import_a = 12345.6789, health = 'healthy', read_at = '2026-01-01 00:00Z'
		where id = (select id from flows.meter_registry where serial = 'M1')`)
	for serial, want := range map[string][2]string{
		"M1": {"", ""}, "M2": {"its mode is passive; only active meters are read", "under maintenance: read and stored as ever, left out of status and alerts"},
		"M3": {"it has no address: nobody knows where to ask", ""}, "M4": {"", ""},
	} {
		d, err := s.Describe(t.Context(), serial)
		if err != nil || d.Serial != serial || d.NotRead != want[0] || d.Note != want[1] {
			t.Errorf("%s: %q, %q, %v", serial, d.NotRead, d.Note, err)
		}
	}
	d, err := s.Describe(t.Context(), "M1")
	if err != nil || len(d.Registers) != 2 || d.Registers[0].Element != "A" || !strings.Contains(string(d.Shadow), `"import_a": 12345.6789`) || *d.ESCO != "Alpha" ||
		d.LastHealthyAt == nil || *d.LastHealthyAt != time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) || d.Health != flows.Healthy {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.Describe(t.Context(), "none"); !errors.As(err, new(*UnknownSerials)) {
		t.Errorf("got %v", err)
	}
}

func TestMetricsAndTheEnabledOnes(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `truncate flows.meter_metrics`)
	mustExec(t, s, `insert into flows.meter_metrics (name, enabled, run_frequency) values ('SyncerCsq', true, 'hourly'), ('SyncerCSQ', true, 'hourly'),
		('SyncerReads', false, 'hourly'), ('SyncerReads', true, 'hourly'), ('SyncerVoltage', false, 'hourly'), ('SyncerSerial', true, 'daily')`)
	names, err := s.EnabledMetrics(t.Context(), flows.Hourly)
	if diff := cmp.Diff([]string{"SyncerCSQ", "SyncerReads"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	all, err := s.Metrics(t.Context())
	if err != nil || len(all) != 6 || (all[5] != flows.Metric{Name: "SyncerSerial", Enabled: true, Frequency: flows.Daily}) {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestAddESCORefusals(t *testing.T) {
	s := fleet(t)
	for _, c := range []struct {
		esco flows.ESCO
		want string
	}{
		{flows.ESCO{Code: "ALPHA"}, "known already"}, {flows.ESCO{}, "empty"}, {flows.ESCO{Code: " x"}, "spaces"}, {flows.ESCO{Code: "a\x00"}, "cannot be stored"},
		{flows.ESCO{Code: "X", Timezone: "Europe/Nowhere"}, "timezone"}, {flows.ESCO{Code: "X", Timezone: "UTC+3"}, "timezone"},
	} {
		if err := s.AddESCO(t.Context(), c.esco); err == nil || !strings.Contains(err.Error(), c.want) || flows.CodeOf(err, "") != "" {
			t.Errorf("%+v: %v", c.esco, err)
		}
	}
	if err := s.AddESCO(t.Context(), flows.ESCO{Code: "C", Name: "Gamma", Timezone: "europe/dublin"}); err != nil {
		t.Error(err)
	}
	list, err := s.ESCOs(t.Context())
	want := []flows.ESCO{{Code: "Alpha", Name: "Alpha Energy", Timezone: "Europe/London"}, {Code: "Beta", Timezone: "Europe/London"},
		{Code: "C", Name: "Gamma", Timezone: "Europe/Dublin"}}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
