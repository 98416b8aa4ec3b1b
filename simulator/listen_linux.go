package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenLoopback opens one port on every address of the loopback interface and on no other interface.
func listenLoopback(port uint16) (net.Listener, error) {
	bind := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = syscall.BindToDevice(int(fd), "lo") })
		return errors.Join(err, failed)
	}}
	return bind.Listen(context.Background(), "tcp4", fmt.Sprintf("0.0.0.0:%d", port))
}
