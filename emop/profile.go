package emop

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// ProfileStatus is the two status bytes of a half-hour's record, the first one on the wire in the high byte.
type ProfileStatus uint16

// Bits of a ProfileStatus. Others mean nothing that is known.
const (
	LogReset           ProfileStatus = 0x0100 // the log was reset; what it held before is gone
	ValidData          ProfileStatus = 0x0080
	PowerFail          ProfileStatus = 0x0040
	MinorTimeError     ProfileStatus = 0x0020
	MajorTimeError     ProfileStatus = 0x0010
	CommunicationError ProfileStatus = 0x0008
)

var statusNames = []struct {
	bit  ProfileStatus
	name string
}{
	{LogReset, "log reset"}, {ValidData, "valid data"}, {PowerFail, "power fail"}, {MinorTimeError, "minor time error"},
	{MajorTimeError, "major time error"}, {CommunicationError, "communication error"},
}

// Has tells whether all these bits are set.
func (s ProfileStatus) Has(bits ProfileStatus) bool { return s&bits == bits }

// String names the bits that are set; those without a name come last, in hex.
func (s ProfileStatus) String() string {
	var names []string
	for _, n := range statusNames {
		if s.Has(n.bit) {
			names, s = append(names, n.name), s&^n.bit
		}
	}
	if s != 0 {
		names = append(names, fmt.Sprintf("%04x", uint16(s)))
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// AppendProfile1 appends the data field that asks for the records of profile log 1 from a time on. A meter that has none of that time
// answers with records of another: see ProfileLog1.
func AppendProfile1(dst []byte, at time.Time) []byte {
	return appendSeconds(append(dst, FormatProfile1), at)
}

// AppendProfile2 does the same for profile log 2.
func AppendProfile2(dst []byte, at time.Time) []byte {
	return appendSeconds(append(dst, FormatProfile2), at)
}

// appendSeconds appends a time as a timestamp; what the wire cannot say becomes the nearest that it can, the last but one: FFFFFFFF is
// memory that was never written.
func appendSeconds(dst []byte, t time.Time) []byte {
	return binary.LittleEndian.AppendUint32(dst, seconds(t))
}

func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix()-Epoch.Unix(), 0), 0xfffffffe))
}

// Sizes of records. The meter's usual answer carries 80 bytes, some firmware up to 238.
const (
	profile1Size       = 14
	profile2Size       = 22
	profile2TwinExtra  = 12
	profile2TwinLength = profile2Size + profile2TwinExtra
)

// Profile1 is a record of profile log 1: what the import registers stood at, modulo 2^32.
type Profile1 struct {
	Time             time.Time // by the meter's clock
	Status           ProfileStatus
	ImportA, ImportB uint32 // Wh; B means something on twin-element meters only
}

// Profile2 is a record of profile log 2, modulo 2^32 but for the voltage. What is of element B is 0 unless the meter has one.
type Profile2 struct {
	Time                             time.Time // by the meter's clock
	Status                           ProfileStatus
	ExportA                          uint32 // Wh
	ReactiveImportA, ReactiveExportA uint32 // varh
	Voltage                          uint32 // 0.1 V [P]
	ExportB                          uint32 // Wh
	ReactiveImportB, ReactiveExportB uint32 // varh
}

// ProfileLog1 decodes what follows the format byte in an answer to AppendProfile1: the time asked for, which the meter echoes, and
// records, as many as there are bytes for. Bytes that make no whole record mean nothing; places that hold none (all 00, or the timestamp
// FFFFFFFF) are left out, so there may be no record at all.
//
// The records have times of their own, and those may be days older or newer than asked, in any order, and no half-hours: whoever asked
// compares Time. An answer of another time is the meter's last word on the time asked for.
func ProfileLog1(payload []byte, asked time.Time) ([]Profile1, error) {
	r, n, err := profileRecords(payload, asked, profile1Size)
	if err != nil || n == 0 {
		return nil, err
	}
	records := make([]Profile1, 0, n)
	for range n {
		p := Profile1{Time: r.timestamp(), Status: profileStatus(&r), ImportA: r.u32(), ImportB: r.u32()}
		if !p.Time.Equal(erased) && p != (Profile1{Time: Epoch}) {
			records = append(records, p)
		}
	}
	return records, r.err
}

// ProfileLog2 decodes an answer to AppendProfile2 as ProfileLog1 does. Only the hardware tells how long a record is; hardware that is
// not known has one element.
func ProfileLog2(payload []byte, asked time.Time, c Class) ([]Profile2, error) {
	twin, size := c&TwinElement != 0, profile2Size
	if twin {
		size = profile2TwinLength
	}
	r, n, err := profileRecords(payload, asked, size)
	if err != nil || n == 0 {
		return nil, err
	}
	records := make([]Profile2, 0, n)
	for range n {
		p := Profile2{Time: r.timestamp(), Status: profileStatus(&r), ExportA: r.u32(), ReactiveImportA: r.u32(), ReactiveExportA: r.u32(),
			Voltage: r.u32()}
		if twin {
			p.ExportB, p.ReactiveImportB, p.ReactiveExportB = r.u32(), r.u32(), r.u32()
		}
		if !p.Time.Equal(erased) && p != (Profile2{Time: Epoch}) {
			records = append(records, p)
		}
	}
	return records, r.err
}

// profileRecords checks the echo, and counts the whole records behind it.
func profileRecords(payload []byte, asked time.Time, size int) (r reader, n int, err error) {
	r = reader{b: payload}
	echo := r.u32()
	if r.err != nil {
		return r, 0, fmt.Errorf("profile log: %w", r.err)
	}
	if want := seconds(asked); echo != want {
		return r, 0, fmt.Errorf("profile log: an answer about %s, asked was %s", when(fromSeconds(echo), "UTC"), when(fromSeconds(want), "UTC"))
	}
	return r, (len(payload) - r.off) / size, nil
}

func fromSeconds(s uint32) time.Time { return Epoch.Add(time.Duration(s) * time.Second) }

func profileStatus(r *reader) ProfileStatus {
	first := r.u8()
	return ProfileStatus(first)<<8 | ProfileStatus(r.u8())
}
