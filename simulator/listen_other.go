//go:build !linux

package simulator

import (
	"errors"
	"net"
)

// listenLoopback exists on Linux only.
func listenLoopback(uint16) (net.Listener, error) {
	return nil, errors.ErrUnsupported
}
