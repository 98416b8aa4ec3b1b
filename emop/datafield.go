package emop

import "fmt"

// ID is a 24-bit object id.
type ID uint32

func (id ID) String() string { return fmt.Sprintf("%06x", uint32(id)) }

// Record formats: the first byte of a data field.
const (
	FormatDefault       = 0x01
	FormatEventLog      = 0x02 // [P]
	FormatProfile1      = 0x03
	FormatProfile2      = 0x04
	FormatThreePhaseLog = 0x05 // [P]
)

// Flags of format 1.
const (
	flagRead  = 0x00
	flagWrite = 0x01
)

// AppendRead appends the data field that reads one object.
func AppendRead(dst []byte, id ID) []byte {
	return append(dst, FormatDefault, byte(id>>16), byte(id>>8), byte(id), flagRead)
}

// AppendWrite appends the data field that writes one object.
func AppendWrite(dst []byte, id ID, payload []byte) []byte {
	dst = append(dst, FormatDefault, byte(id>>16), byte(id>>8), byte(id), flagWrite)
	return append(dst, payload...)
}

// Payload is what follows the echoed part of an answer's data field. It aliases data.
func Payload(data []byte) []byte {
	if len(data) <= echoed {
		return nil
	}
	return data[echoed:]
}
