package mediator

import (
	"maps"
	"net/netip"
	"strings"
)

// addresses are those of all meters that have one, by serial: a million in 60 MB, without a pointer that the garbage collector
// would have to follow. Only the few with a long serial or an IPv6 address take more.
type addresses struct {
	small map[[16]byte]small
	large map[string]large
	round uint16 // of reading all of them
}

// small is an IPv4 address.
type small struct {
	ip    [4]byte
	port  uint16
	round uint16
}

type large struct {
	address netip.AddrPort
	round   uint16
}

func newAddresses() *addresses {
	return &addresses{small: map[[16]byte]small{}, large: map[string]large{}}
}

// shortened pads a serial with zero bytes, which none has.
func shortened(serial string) (key [16]byte, ok bool) {
	if len(serial) > len(key) || strings.IndexByte(serial, 0) >= 0 {
		return key, false
	}
	copy(key[:], serial)
	return key, true
}

func (a *addresses) get(serial string) (_ netip.AddrPort, ok bool) {
	if key, fits := shortened(serial); fits {
		if at, ok := a.small[key]; ok {
			return netip.AddrPortFrom(netip.AddrFrom4(at.ip), at.port), true
		}
	}
	at, ok := a.large[serial]
	return at.address, ok
}

// set replaces the address of a meter; one that is not valid is none.
func (a *addresses) set(serial string, address netip.AddrPort) {
	key, fits := shortened(serial)
	switch ip := address.Addr(); {
	case fits && ip.Is4():
		a.small[key] = small{ip.As4(), address.Port(), a.round}
		delete(a.large, serial)
		return
	case address.IsValid():
		a.large[serial] = large{address, a.round}
	default:
		delete(a.large, serial)
	}
	if fits {
		delete(a.small, key)
	}
}

// begin starts a round in which every address is set again.
func (a *addresses) begin() { a.round++ }

// sweep ends the round: what was not set in it is no more.
func (a *addresses) sweep() {
	maps.DeleteFunc(a.small, func(_ [16]byte, at small) bool { return at.round != a.round })
	maps.DeleteFunc(a.large, func(_ string, at large) bool { return at.round != a.round })
}

func (a *addresses) len() int { return len(a.small) + len(a.large) }
