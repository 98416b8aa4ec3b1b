package postgres

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flows"
)

// mustAddresses gives what Addresses tells; "" for a meter without an address.
func mustAddresses(t *testing.T, s *Store, serials ...string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := s.Addresses(t.Context(), serials, func(serial string, a netip.AddrPort) {
		got[serial] = ""
		if a != (netip.AddrPort{}) {
			got[serial] = a.String()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAddressesAreThoseOfAllMetersOrOfTheNamed(t *testing.T) {
	s := fleet(t)
	mustRegister(t, s, at("M6", "2001:db8::6", ""))
	all := map[string]string{"M1": "10.0.0.1:8080", "M2": "10.0.0.2:8080", "M3": "", "M4": "10.0.0.4:8080", "M6": "[2001:db8::6]:8080"}
	if diff := cmp.Diff(all, mustAddresses(t, s)); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"M2": "10.0.0.2:8080", "M3": ""}, mustAddresses(t, s, "M3", "none", "M2")); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	mustExec(t, s, `alter table flows.meter_registry rename to away`)
	if err := s.Addresses(t.Context(), nil, nil); flows.CodeOf(err, "") != flows.Database {
		t.Errorf("broken: %v", err)
	}
}

// listen runs Changes and gives what it told, and how it ended.
func listen(t *testing.T, s *Store) (told chan []string, ended chan error, stop context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	told, ended = make(chan []string), make(chan error, 1)
	go func() {
		ended <- s.Changes(ctx, func(serials []string) error { told <- serials; return nil })
	}()
	if first := <-told; first != nil {
		t.Errorf("the first call names %v, want nil for any", first)
	}
	return told, ended, stop
}

func TestChangesNamesTheMeters(t *testing.T) {
	s := fleet(t)
	told, ended, stop := listen(t, s)
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{`update flows.meter_registry set ip_address = '10.0.0.9' where serial = 'M1'`, []string{"M1"}},
		{`update flows.meter_registry set name = 'shop'; insert into flows.meter_registry (serial) values ('M8'), ('M9')`, []string{"M8", "M9"}},
		{`delete from flows.meter_registry where serial = 'M8'`, []string{"M8"}},
		{`insert into flows.meter_registry (serial) select 'T' || i from generate_series(1, 5000) i`, nil},
		{`notify flows_meter_registry, 'what an older program may say'`, nil},
		{`notify flows_meter_registry`, nil},
	} {
		mustExec(t, s, c.sql)
		if got := <-told; !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: told %v, want %v", c.sql, got, c.want)
		}
	}
	stop()
	if err := <-ended; flows.CodeOf(err, "") != flows.Cancelled {
		t.Errorf("stopped: %v", err)
	}
	for lines(t, s, `select count(*) from pg_stat_activity where query ilike 'listen%' and datname = current_database()`) != "0" {
	} // the server ends a connection a moment after it was told
}

func TestChangesEndsWithItsConnection(t *testing.T) {
	s := fleet(t)
	_, ended, stop := listen(t, s)
	defer stop()
	mustExec(t, s, `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and datname = current_database()`)
	if err := <-ended; flows.CodeOf(err, "") != flows.Database || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestChangesEndsWithTheErrorOfItsListener(t *testing.T) {
	s := fleet(t)
	enough := errors.New("enough")
	if err := s.Changes(t.Context(), func([]string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
