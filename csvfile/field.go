package csvfile

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"flows"
)

// field is one column of a registry file; set puts a cell into a registration, "" clears.
type field struct {
	name string
	set  func(r *flows.Registration, cell string) error
}

var fields = []field{
	{"serial", setSerial},
	{"ip_address", setAddress},
	{"port", setPort},
	{"hardware", func(r *flows.Registration, cell string) error { r.Hardware = &cell; return nil }},
	{"esco", func(r *flows.Registration, cell string) error { r.ESCO = &cell; return nil }},
	{"mode", setMode},
	{"name", func(r *flows.Registration, cell string) error { r.Name = &cell; return nil }},
	{"feeder", func(r *flows.Registration, cell string) error { r.Feeder = &cell; return nil }},
	{"fuse_rating", func(r *flows.Registration, cell string) error {
		return setNumber(&r.FuseRating, cell, maxFuse, "fuse_rating %q is not a number of amperes from 1 to 10000")
	}},
	{"phases", func(r *flows.Registration, cell string) error {
		return setNumber(&r.Phases, cell, 3, "phases %q is not 1, 2 or 3")
	}},
	{"maintenance", setMaintenance},
}

const maxFuse = 10_000 // A

func fieldNames() string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ",")
}

func setSerial(r *flows.Registration, cell string) error {
	if cell == "" {
		return errors.New("the serial is missing")
	}
	r.Serial = cell
	return nil
}

func setAddress(r *flows.Registration, cell string) error {
	if cell == "" {
		r.Address = new(netip.Addr{})
		return nil
	}
	address, err := netip.ParseAddr(cell)
	if err != nil || address.Zone() != "" {
		return fmt.Errorf("ip_address %q is not an IP address", cell)
	}
	r.Address = new(address.Unmap())
	return nil
}

func setPort(r *flows.Registration, cell string) error {
	if cell == "" {
		r.Port = new(uint16(0))
		return nil
	}
	port, err := strconv.ParseUint(cell, 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", cell)
	}
	r.Port = new(uint16(port))
	return nil
}

func setMode(r *flows.Registration, cell string) error {
	if cell == "" {
		r.Mode = new(flows.Active)
		return nil
	}
	mode, err := flows.ParseMode(cell)
	r.Mode = &mode
	return err
}

func setNumber(to **int, cell string, highest int, complaint string) error {
	n, err := strconv.Atoi(cell)
	if cell != "" && (err != nil || n < 1 || n > highest) {
		return fmt.Errorf(complaint, cell)
	}
	*to = &n
	return nil
}

func setMaintenance(r *flows.Registration, cell string) error {
	switch strings.ToLower(cell) {
	case "", "false", "no", "f", "0":
		r.Maintenance = new(false)
	case "true", "yes", "t", "1":
		r.Maintenance = new(true)
	default:
		return fmt.Errorf("maintenance %q is not true or false", cell)
	}
	return nil
}
