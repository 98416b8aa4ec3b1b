// Package emop speaks the EMOP wire protocol of Emlite electricity meters: frames, data fields and the table of objects. It never
// opens a socket.
//
// A frame, of at most 256 bytes, is bounded by its length alone; nothing in it is escaped:
//
//	 0   1    2           6            10       11          11+n
//	+----+----+-----------+------------+---------+-----------+--------+
//	| 7E | len| to        | from       | control | data (n)  | CRC-16 |
//	+----+----+-----------+------------+---------+-----------+--------+
//	          |<----------------- len = 12+n bytes --------------------|
//	     |<------------------ CRC over this ------------->|
//
//	to, from  device type (1), address (3, big endian)
//	control   bits 0..2 sequence number, bits 3..7 acknowledge code: 0 is ok, else a NAK
package emop

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a frame.
const (
	Delimiter  = 0x7e
	MaxFrame   = 256          // whole frame, delimiter included
	overhead   = 12           // of the length byte: everything but the data field
	minLength  = overhead + 5 // no data field is shorter than five bytes
	MaxData    = 255 - overhead
	headerSize = 11
)

// Address is a device type in the top byte and a 24-bit address below.
type Address uint32

// Broadcast reaches every meter on the line.
const Broadcast Address = 0x01ffffff

// Number is the address without its device type: the meter's own frame address.
func (a Address) Number() uint32 { return uint32(a) & 0xffffff }

func (a Address) String() string { return fmt.Sprintf("%08x", uint32(a)) }

// Frame is one message. Data of a parsed frame aliases the buffer it was parsed from.
type Frame struct {
	To, From Address
	Sequence uint8 // 0..7
	NAK      NAK   // 0 in requests and good answers
	Data     []byte
}

// NAK is the acknowledge code of an answer that refuses.
type NAK uint8

// The NAK codes; 0 is no NAK.
const (
	NAKCRC NAK = iota + 1
	NAKFormat
	NAKLength
	NAKTooLarge
	NAKUnknownObject
	NAKSecurity
	NAKAddress
)

var nakText = [...]string{"ok", "CRC error", "format error", "length incorrect", "payload too large", "unknown object id",
	"security not granted", "address incorrect"}

func (n NAK) String() string {
	if int(n) < len(nakText) {
		return fmt.Sprintf("NAK %d (%s)", uint8(n), nakText[n])
	}
	return fmt.Sprintf("NAK %d", uint8(n))
}

// Error makes a NAK an error.
func (n NAK) Error() string { return n.String() }

// Errors of Parse.
var (
	ErrIncomplete = errors.New("frame not complete")
	ErrCRC        = errors.New("frame with a wrong CRC")
	ErrTooLarge   = fmt.Errorf("data field longer than %d bytes", MaxData)
)

// AppendFrame appends the frame to dst. The data field must hold at most MaxData bytes.
func AppendFrame(dst []byte, f Frame) ([]byte, error) {
	if len(f.Data) > MaxData {
		return dst, ErrTooLarge
	}
	start := len(dst)
	dst = append(dst, Delimiter, byte(overhead+len(f.Data)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.To))
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.From))
	dst = append(dst, f.Sequence&7|byte(f.NAK)<<3)
	dst = append(dst, f.Data...)
	return binary.BigEndian.AppendUint16(dst, CRC(dst[start+1:])), nil
}

// Parse finds the first whole frame in buf. It returns how many bytes of buf are done with: the frame and the noise before it. With
// ErrIncomplete those bytes are noise and more must be read. With ErrCRC the buffer ends in a frame that is complete by its length but
// spoiled, and no good one is inside it: nothing more will come. Noise is dropped byte by byte, so a frame behind it is found.
func Parse(buf []byte) (f Frame, n int, err error) {
	for ; n < len(buf); n++ {
		switch size := frameSize(buf[n:]); {
		case size == 0:
		case size > len(buf)-n:
			return Frame{}, n, ErrIncomplete
		case sound(buf[n : n+size]):
			return view(buf[n : n+size]), n + size, nil
		case size == len(buf)-n:
			return parseInside(buf, n+1)
		}
	}
	return Frame{}, n, ErrIncomplete
}

// parseInside looks from n on for a good frame in a spoiled one that ends with buf: a stray delimiter may have stood before it.
func parseInside(buf []byte, n int) (Frame, int, error) {
	for ; n < len(buf); n++ {
		if size := frameSize(buf[n:]); size > 0 && size <= len(buf)-n && sound(buf[n:n+size]) {
			return view(buf[n : n+size]), n + size, nil
		}
	}
	return Frame{}, len(buf), ErrCRC
}

// frameSize is how many bytes a frame at the start of b has by its length byte: 0 when none can start there, one more than b holds when
// that cannot be said yet.
func frameSize(b []byte) int {
	switch {
	case b[0] != Delimiter:
		return 0
	case len(b) == 1:
		return 2
	case b[1] < minLength:
		return 0
	}
	return 1 + int(b[1])
}

// sound checks the CRC of a whole frame.
func sound(b []byte) bool {
	end := len(b) - 2
	return CRC(b[1:end]) == binary.BigEndian.Uint16(b[end:])
}

// view reads a frame whose length and CRC are known to be right.
func view(b []byte) Frame {
	return Frame{
		To:       Address(binary.BigEndian.Uint32(b[2:])),
		From:     Address(binary.BigEndian.Uint32(b[6:])),
		Sequence: b[10] & 7,
		NAK:      NAK(b[10] >> 3),
		Data:     b[headerSize : len(b)-2 : len(b)-2],
	}
}

// Answers tells whether f answers the request: to whom, from whom (when the request named the meter), the sequence number and the first
// five bytes of the data field, which formats 1 to 4 echo. A frame that does not is an answer to an earlier request.
func (f Frame) Answers(request Frame) bool {
	if f.To != request.From || f.Sequence != request.Sequence || len(f.Data) < echoed || len(request.Data) < echoed {
		return false
	}
	n := echoed
	if request.Data[0] == FormatThreePhaseLog {
		n = 1
	}
	if to := request.To.Number(); to != 0 && to != f.From.Number() {
		return false
	}
	return string(f.Data[:n]) == string(request.Data[:n])
}

// echoed is how much of a data field comes back in an answer of formats 1 to 4: format and object id with read/write flag, block index, or timestamp.
const echoed = 5

// CRC is CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected.
func CRC(b []byte) uint16 {
	crc := uint16(0xffff)
	for _, c := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^c]
	}
	return crc
}

var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()
