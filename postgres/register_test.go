package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// registryRow is what a person has said of the meters.
const registryRow = `select concat_ws(' ', serial, coalesce(host(ip_address), '-') || ':' || port, coalesce(hardware, '-'), coalesce(e.code, '-'), mode,
	coalesce(r.name, '-'), coalesce(feeder, '-'), coalesce(fuse_rating::text, '-'), coalesce(phases::text, '-'), maintenance)
	from flows.meter_registry r left join flows.escos e on e.id = r.esco order by serial`

func full(serial string) flows.Registration {
	return flows.Registration{
		Serial: serial, Address: new(netip.MustParseAddr("10.0.0.1")), Port: new(uint16(9000)), Hardware: new("C1.w"), ESCO: new("ALPHA"),
		Mode: new(flows.Passive), Name: new("shop"), Feeder: new("north"), FuseRating: new(63), Phases: new(1), Maintenance: new(true),
	}
}

func TestRegisterAddsAndChangesWhatIsGiven(t *testing.T) {
	s := mustStore(t)
	if err := s.AddESCO(t.Context(), flows.ESCO{Code: "Alpha"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		list           []flows.Registration
		added, changed int
		want           string
	}{
		{"new with everything, new with nothing", []flows.Registration{full("M1"), {Serial: "M2"}}, 2, 0,
			"M1 10.0.0.1:9000 C1.w Alpha passive shop north 63 1 t\nM2 -:8080 - - active - - - - f"},
		{"again", []flows.Registration{full("M1"), {Serial: "M2"}}, 0, 0,
			"M1 10.0.0.1:9000 C1.w Alpha passive shop north 63 1 t\nM2 -:8080 - - active - - - - f"},
		{"one value of a known one, one new", []flows.Registration{{Serial: "M1", Name: new("school")}, {Serial: "M3", Mode: new(flows.Mode("ACTIVE"))}}, 1, 1,
			"M1 10.0.0.1:9000 C1.w Alpha passive school north 63 1 t\nM2 -:8080 - - active - - - - f\nM3 -:8080 - - active - - - - f"},
		{"empty clears", []flows.Registration{{Serial: "M1", Address: new(netip.Addr{}), Port: new(uint16(0)), Hardware: new(""), ESCO: new(""), Mode: new(flows.Mode("")),
			Name: new(""), Feeder: new(""), FuseRating: new(0), Phases: new(0), Maintenance: new(false)}}, 0, 1,
			"M1 -:8080 - - active - - - - f\nM2 -:8080 - - active - - - - f\nM3 -:8080 - - active - - - - f"},
		{"two in turn at one address", []flows.Registration{at("M1", "10.0.0.1", ""), at("M2", "10.0.0.2", "")}, 0, 2,
			"M1 10.0.0.1:8080 - - active - - - - f\nM2 10.0.0.2:8080 - - active - - - - f\nM3 -:8080 - - active - - - - f"},
		{"two swap addresses, a new one takes what a third gives up", []flows.Registration{at("M1", "10.0.0.2", ""), at("M2", "10.0.0.3", ""), at("M4", "10.0.0.1", "")}, 1, 2,
			"M1 10.0.0.2:8080 - - active - - - - f\nM2 10.0.0.3:8080 - - active - - - - f\nM3 -:8080 - - active - - - - f\nM4 10.0.0.1:8080 - - active - - - - f"},
		{"two swap addresses", []flows.Registration{at("M1", "10.0.0.3", ""), at("M2", "10.0.0.2", "")}, 0, 2,
			"M1 10.0.0.3:8080 - - active - - - - f\nM2 10.0.0.2:8080 - - active - - - - f\nM3 -:8080 - - active - - - - f\nM4 10.0.0.1:8080 - - active - - - - f"},
	} {
		added, changed, err := s.Register(t.Context(), c.list)
		if err != nil || added != c.added || changed != c.changed {
			t.Fatalf("%s: %d added, %d changed, %v; want %d and %d", c.name, added, changed, err, c.added, c.changed)
		}
		if diff := cmp.Diff(c.want, lines(t, s, registryRow)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestRegisterNamesEveryProblemAndStoresNothing(t *testing.T) {
	s := mustStore(t)
	mustRegister(t, s, at("OLD", "10.0.0.9", "C1.w"))
	before := lines(t, s, registryRow)
	_, _, err := s.Register(t.Context(), []flows.Registration{
		at("good", "10.0.0.1", "C1.w"),
		{Serial: "M1", ESCO: new("nobody")},
		at("M2", "10.0.0.9", ""),
		at("M3", "10.0.0.1", ""),
		{Serial: ""},
		{Serial: " M5"},
		{Serial: "good"},
		{Serial: "M7", Phases: new(4), FuseRating: new(-1)},
		{Serial: "M8", Mode: new(flows.Mode("asleep"))},
		{Serial: "M9", Name: new("a\x00b")},
		{Serial: "M10", Address: new(netip.MustParseAddr("fe80::1%eth0"))},
		{Serial: "OLD", Name: new("changed")},
	})
	var problems RegistrationErrors
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d %s: %s", p.Index, p.Serial, p.Reason))
	}
	want := []string{
		`1 M1: ESCO "nobody" is not known`,
		`2 M2: address 10.0.0.9 port 8080 is also that of meter OLD`,
		`3 M3: address 10.0.0.1 port 8080 is also that of meter good`,
		`4 : the serial is missing`,
		`5  M5: the serial has spaces around it`,
		`6 good: the serial comes twice`,
		`7 M7: fuse rating -1 A is not possible`,
		`7 M7: 4 phases are not possible`,
		`8 M8: unknown mode "asleep": use active or passive`,
		`9 M9: "a\x00b" has a character that cannot be stored`,
		`10 M10: address fe80::1%eth0 has a zone`,
	}
	// OLD keeps its address, so M2 cannot have it although OLD is in the same list.
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := lines(t, s, registryRow); got != before {
		t.Errorf("stored all the same:\n%s", got)
	}
	if text := err.Error(); !strings.HasPrefix(text, "11 problems, nothing stored; the first: meter M1: ") {
		t.Error(text)
	}
}

func TestChangeTellsOfWhatIsGivenAndKnowsNoNewMeter(t *testing.T) {
	s := mustStore(t)
	if err := s.AddESCO(t.Context(), flows.ESCO{Code: "Alpha"}); err != nil {
		t.Fatal(err)
	}
	mustRegister(t, s, full("M1"), flows.Registration{Serial: "M2"})
	wanted := full("M1")
	wanted.Address, wanted.Name, wanted.Phases, wanted.Port = new(netip.MustParseAddr("fd00::1")), new(""), new(3), nil
	got, err := s.Change(t.Context(), []flows.Registration{wanted, {Serial: "M2", Port: new(uint16(0)), Feeder: new(""), ESCO: new("alpha")}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Changed{
		{"M1", "ip_address", new("10.0.0.1"), new("fd00::1")},
		{"M1", "hardware", new("C1.w"), new("C1.w")},
		{"M1", "esco", new("Alpha"), new("Alpha")},
		{"M1", "mode", new("passive"), new("passive")},
		{"M1", "name", new("shop"), nil},
		{"M1", "feeder", new("north"), new("north")},
		{"M1", "fuse_rating", new("63"), new("63")},
		{"M1", "phases", new("1"), new("3")},
		{"M1", "maintenance", new("true"), new("true")},
		{"M2", "port", new("8080"), new("8080")},
		{"M2", "esco", nil, new("Alpha")},
		{"M2", "feeder", nil, nil},
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var same []string
	for _, c := range got {
		if c.Same() {
			same = append(same, c.Column)
		}
	}
	if want := "hardware esco mode feeder fuse_rating maintenance port feeder"; strings.Join(same, " ") != want {
		t.Errorf("the same: %v, want %s", same, want)
	}
	stored := lines(t, s, registryRow)
	if want := "M1 fd00::1:9000 C1.w Alpha passive - north 63 3 t\nM2 -:8080 - Alpha active - - - - f"; stored != want {
		t.Errorf("stored %s\nwant %s", stored, want)
	}
	var unknown *UnknownSerials
	if _, err := s.Change(t.Context(), []flows.Registration{{Serial: "M1", Name: new("x")}, {Serial: "M3", Name: new("x")}}); !errors.As(err, &unknown) {
		t.Errorf("an unknown meter: %v", err)
	}
	var problems RegistrationErrors
	if _, err := s.Change(t.Context(), []flows.Registration{{Serial: "M1", Name: new("x")}, {Serial: "M2", Phases: new(4)}}); !errors.As(err, &problems) {
		t.Errorf("four phases: %v", err)
	}
	if after := lines(t, s, registryRow); after != stored {
		t.Errorf("changed all the same:\n%s", after)
	}
}

func TestChangeAddsNoMeterThatIsTakenAwayMeanwhile(t *testing.T) {
	s := mustStore(t)
	mustRegister(t, s, flows.Registration{Serial: "M1"}, flows.Registration{Serial: "M2"})
	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), `delete from flows.meter_registry where serial = 'M1'`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Change(t.Context(), []flows.Registration{{Serial: "M1", Name: new("x")}, {Serial: "M2", Name: new("x")}})
		done <- err
	}()
	for lines(t, s, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) != "1" {
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("got %v", err)
	}
	if got, want := lines(t, s, registryRow), "M2 -:8080 - - active - - - - f"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckFindsTheSameAndStoresNothing(t *testing.T) {
	s := mustStore(t)
	if err := s.Check(t.Context(), []flows.Registration{{Serial: "M1"}, {Serial: "M2", ESCO: new("nobody")}}); err == nil || err.Error() != `meter M2: ESCO "nobody" is not known` {
		t.Errorf("got %v", err)
	}
	if err := s.Check(t.Context(), []flows.Registration{{Serial: "M1"}}); err != nil {
		t.Error(err)
	}
	if got := lines(t, s, registryRow); got != "" {
		t.Errorf("stored %s", got)
	}
}

func TestRegisterForgetsTheFrameAddressOfAnotherPlace(t *testing.T) {
	s := mustStore(t)
	mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.2", "C1.w"))
	mustExec(t, s, `update flows.meter_registry set frame_address = 7`)
	known := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.3", "C1.w"))
	if known["M1"].FrameAddress == nil || known["M2"].FrameAddress != nil {
		t.Errorf("got %v and %v, want 7 and nil", known["M1"].FrameAddress, known["M2"].FrameAddress)
	}
}

func TestRegisterManyAtOnce(t *testing.T) {
	s := mustStore(t)
	const many = 5000
	list := make([]flows.Registration, many)
	for i := range list {
		list[i] = at(fmt.Sprintf("EML%07d", i), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String(), "C1.w")
	}
	if added, changed, err := s.Register(t.Context(), list); added != many || changed != 0 || err != nil {
		t.Errorf("%d added, %d changed, %v", added, changed, err)
	}
	for i := range list {
		list[i].Name = new("all")
	}
	if added, changed, err := s.Register(t.Context(), list); added != 0 || changed != many || err != nil {
		t.Errorf("%d added, %d changed, %v", added, changed, err)
	}
	if got, want := lines(t, s, `select (select count(*) from flows.meter_registers), (select count(*) from flows.meter_shadows)`), "10000 5000"; got != want {
		t.Errorf("registers and shadows: got %s, want %s", got, want)
	}
}
