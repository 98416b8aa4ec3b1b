package emop

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Epoch is second zero of every timestamp on the wire.
var Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// reader takes a payload apart. It checks bounds itself and remembers its first failure; after one every read gives zero.
type reader struct {
	b   []byte
	off int
	err error
}

// fail keeps the first failure.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b)-r.off {
		r.fail("%d bytes where %d or more are needed", len(r.b), r.off+n)
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// timestamp is seconds since Epoch.
func (r *reader) timestamp() time.Time {
	return Epoch.Add(time.Duration(r.u32()) * time.Second)
}

// rest is everything that was not read yet.
func (r *reader) rest() []byte { return r.take(len(r.b) - r.off) }

// end fails when bytes are left: a payload longer than its object is not that object.
func (r *reader) end() {
	if r.err == nil && r.off != len(r.b) {
		r.fail("%d bytes where %d are expected", len(r.b), r.off)
	}
}
