package emlite

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"flows"
	"flows/emop"
	"flows/mediator"
)

// shelf is a registry with one meter.
type shelf struct {
	serial  string
	address netip.AddrPort
}

func (s shelf) Addresses(_ context.Context, serials []string, each func(string, netip.AddrPort)) error {
	if len(serials) == 0 || serials[0] == s.serial {
		each(s.serial, s.address)
	}
	return nil
}

func (s shelf) Changes(ctx context.Context, _ func([]string) error) error { return never(ctx) }

// never is the end of changes that do not come.
func never(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s shelf) Info(_ context.Context, serial string) ([]byte, error) {
	if serial != s.serial {
		return nil, flows.Errorf(flows.UnknownSerial, "no row")
	}
	return []byte(`{"registry":{"serial":"` + serial + `"},"shadow":{}}`), nil
}

func (s shelf) Meters(context.Context, string) ([]byte, error) { return []byte(`[]`), nil }

// meter answers every read over TCP with the object's id; object ids from f00000 up with NAK 5.
func meter(t testing.TB) netip.AddrPort {
	lis := listen(t)
	go func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, emop.MaxFrame)
				for {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					f, _, err := emop.Parse(buf[:n])
					if err != nil {
						return
					}
					a := emop.Frame{To: f.From, From: 0x18b0, Sequence: f.Sequence, Data: append([]byte(nil), f.Data[:5]...)}
					switch {
					case f.Data[1] >= 0xf0:
						a.NAK = emop.NAKUnknownObject
					case f.Data[0] != emop.FormatDefault || f.Data[4] == 0:
						a.Data = append(a.Data, f.Data[1:4]...)
					}
					out, _ := emop.AppendFrame(nil, a)
					conn.Write(out)
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(lis.Addr().String())
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	return lis
}

// start runs a mediator for one meter and gives a client of it.
func start(t testing.TB, address netip.AddrPort) *Client {
	t.Helper()
	to := mediatorAt(t, mediator.Options{Timeout: time.Second, Log: slog.New(slog.DiscardHandler)}, address)
	c, err := Dial([]string{to}, Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// mediatorAt runs a mediator for one meter and says where it listens.
func mediatorAt(t testing.TB, o mediator.Options, meter netip.AddrPort) string {
	t.Helper()
	s, err := mediator.New(shelf{"EML1", meter}, o)
	if err != nil {
		t.Fatal(err)
	}
	lis := listen(t)
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	t.Cleanup(func() {
		s.Stop(t.Context())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return lis.Addr().String()
}
