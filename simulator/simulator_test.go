package simulator

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"flows/emop"
)

// started is a running fleet that is stopped with the test.
func started(t testing.TB, o Options) *Fleet {
	t.Helper()
	f := New(o)
	if err := f.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

// one is a running fleet of one meter.
func one(t testing.TB, s Spec) (*Fleet, Meter) {
	t.Helper()
	f := started(t, Options{Meters: 1, Seed: 7, Meter: func(_ int, to *Spec) { *to = s }, Spacing: time.Hour})
	return f, f.Meters()[0]
}

// client is a caller that takes what it gets.
type client struct {
	t testing.TB
	net.Conn
	buf []byte
}

func dial(t testing.TB, m Meter) *client {
	t.Helper()
	c, err := net.DialTimeout("tcp", m.Address.String(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{t: t, Conn: c}
}

const caller = emop.Address(0x0021ae42)

func (c *client) ask(sequence uint8, data []byte) {
	c.t.Helper()
	b, err := emop.AppendFrame(nil, emop.Frame{From: caller, Sequence: sequence, Data: data})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next gives the next frame, good or spoiled, or how the connection ended.
func (c *client) next() (emop.Frame, error) {
	for {
		frame, n, err := emop.Parse(c.buf)
		if !errors.Is(err, emop.ErrIncomplete) {
			frame.Data = append([]byte(nil), frame.Data...)
			c.buf = c.buf[n:]
			return frame, err
		}
		more := make([]byte, 512)
		k, err := c.Read(more)
		if err != nil {
			return emop.Frame{}, err
		}
		c.buf = append(c.buf, more[:k]...)
	}
}

// get reads one object.
func (c *client) get(id emop.ID) emop.Frame {
	c.t.Helper()
	c.ask(3, emop.AppendRead(nil, id))
	frame, err := c.next()
	if err != nil {
		c.t.Fatalf("%s: %v", id, err)
	}
	return frame
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACapturedExchangeComesOutByteForByte(t *testing.T) {
	f, m := one(t, Spec{Hardware: "1"})
	s := &f.slots[0]
	s.mu.Lock()
	s.m.address, s.m.device, s.m.firmware, s.m.pad = 0x18b0, 0, "3020", 0
	s.mu.Unlock()
	for _, e := range []struct{ what, request, response string }{
		{"firmware", "7e1100000000c06f0093010100020100ae4a", "7e15c06f0093000018b0010100020100333032309dbd"},
		{"unknown hardware", "7e11000018b0c06f0093010160800000cb86", "7e15c06f0093000018b001016080000031000000e3d6"},
		{"unknown object", "7e11000018b0c06f009301018003090097fe", "7e11c06f0093000018b0290180030900f8a2"},
	} {
		c := dial(t, m)
		if _, err := c.Write(unhex(t, e.request)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(e.response)/2)
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatalf("%s: %v", e.what, err)
		}
		if hex.EncodeToString(got) != e.response {
			t.Errorf("%s: %x, want %s", e.what, got, e.response)
		}
	}
}
