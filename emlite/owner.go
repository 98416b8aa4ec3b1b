package emlite

import (
	"crypto/sha256"
	"encoding/binary"
)

// owner picks one of the addresses for a serial by rendezvous hashing: the address with the highest hash together with the serial.
// Every client with the same addresses, in any order, picks the same; an address that goes moves its own serials only. The hash is part
// of the contract between clients: changing it lets two mediators speak to one meter while old and new clients run.
func owner(addresses []string, serial string) string {
	var best string
	var most uint64
	for _, address := range addresses {
		sum := sha256.Sum256([]byte(address + "\x00" + serial))
		if h := binary.BigEndian.Uint64(sum[:]); best == "" || h > most {
			best, most = address, h
		}
	}
	return best
}

// MediatorOf gives the mediator that each serial belongs to; nil when there is only one.
func (c *Client) MediatorOf() func(serial string) string {
	if len(c.addresses) == 1 {
		return nil
	}
	return func(serial string) string { return owner(c.addresses, serial) }
}
