package certs

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// clientName is what may be a file name, a word of a log and a metric's label without quoting; X.520 allows a CN 64 characters.
var clientName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

var hostName = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

// CheckName says what is wrong with the name of a client or of its files.
func CheckName(name string) error {
	if !clientName.MatchString(name) {
		return fmt.Errorf("%q is no name: use 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first", name)
	}
	return nil
}

func checkClient(name, role string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if !slices.Contains(Roles(), role) {
		return fmt.Errorf("role %q: choose one of %s", role, strings.Join(Roles(), ", "))
	}
	return nil
}

// addName lets a server certificate answer to one more DNS name or IP address.
func addName(c *x509.Certificate, name string) error {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
		if !slices.ContainsFunc(c.IPAddresses, net.IP(ip.AsSlice()).Equal) {
			c.IPAddresses = append(c.IPAddresses, ip.AsSlice())
		}
		return nil
	}
	if len(name) > 253 || !hostName.MatchString(name) {
		return fmt.Errorf("%q is neither a DNS name nor an IP address: give the host alone, without scheme or port", name)
	}
	if !slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, name) }) {
		c.DNSNames = append(c.DNSNames, name)
	}
	return nil
}
