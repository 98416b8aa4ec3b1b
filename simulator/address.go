package simulator

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// address is where a slot is reached.
func (f *Fleet) address(s *slot) netip.AddrPort {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at(s)
}

// at is address for who holds f.mu. It is not valid before Start.
func (f *Fleet) at(s *slot) netip.AddrPort {
	switch {
	case !f.first.IsValid():
		return netip.AddrPort{}
	case f.o.PortPerMeter:
		return netip.AddrPortFrom(f.first.Addr(), s.port)
	}
	return netip.AddrPortFrom(offset(f.first.Addr(), s.index), f.first.Port())
}

// slotAt finds the meter whose address a connection was made to; nil when none has it.
func (f *Fleet) slotAt(local net.Addr) *slot {
	at, ok := local.(*net.TCPAddr)
	if !ok {
		return nil
	}
	i := int64(number(at.AddrPort().Addr().Unmap())) - int64(number(f.first.Addr()))
	if i < 0 || i >= int64(len(f.slots)) {
		return nil
	}
	return &f.slots[i]
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func offset(a netip.Addr, n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], number(a)+uint32(n))
	return netip.AddrFrom4(b)
}
