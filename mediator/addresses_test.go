package mediator

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddressesAreThoseOfAMap(t *testing.T) {
	a, want := newAddresses(), map[string]netip.AddrPort{}
	all := []string{"", "M", "M1", "0123456789abcdef", "0123456789abcdefg", strings.Repeat("M", 32), "a\x00", "a"}
	places := []netip.AddrPort{{}, mustAddress(home), mustAddress(moved), mustAddress("[::1]:1"), mustAddress("0.0.0.0:1"), mustAddress("255.255.255.255:65535")}
	for n := range 10_000 {
		serial, at := all[n*7%len(all)], places[n*n/3%len(places)]
		if n%1000 == 999 { // all but one are set again
			a.begin()
			delete(want, serial)
			for s, at := range want {
				a.set(s, at)
			}
			a.sweep()
		} else if a.set(serial, at); at.IsValid() {
			want[serial] = at
		} else {
			delete(want, serial)
		}
		for _, s := range all {
			if got, ok := a.get(s); got != want[s] || ok != want[s].IsValid() {
				t.Fatalf("step %d: %q is at %s, %t, want %s", n, s, got, ok, want[s])
			}
		}
		if a.len() != len(want) {
			t.Fatalf("step %d: %d addresses, want %d", n, a.len(), len(want))
		}
	}
}
