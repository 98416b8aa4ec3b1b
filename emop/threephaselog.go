package emop

import (
	"fmt"
	"time"
)

// ThreePhaseSpan is the most that is asked of the three phase interval log at a time; twice that was too much for real meters.
const ThreePhaseSpan = 4 * time.Hour

// AppendThreePhaseLog appends the data field that asks for the rows of a three phase interval log from start to end; both are taken to
// be included [P]. A later end than ThreePhaseSpan after start is cut to that, one before start to start.
//
// The profile number is 0 and can be nothing else: another one resets the log, and has taken meters down until someone visited them.
func AppendThreePhaseLog(dst []byte, start, end time.Time) []byte {
	from, to := seconds(start), seconds(end)
	to = max(from, min(to, from+min(uint32(ThreePhaseSpan/time.Second), 0xfffffffe-from)))
	dst = appendSeconds(append(dst, FormatThreePhaseLog, 0), fromSeconds(from))
	return append(appendSeconds(dst, fromSeconds(to)), 0xff, 0xff, 0xff, 0xff)
}

// ThreePhaseBlock is an answer of the three phase interval log. All of its layout is [P].
//
// Of its channels the totals (010800 .. 100800, as the object table has them) are registers. The channels d79600 .. d79607 (active
// import and export, reactive import and export, reactive quadrants 1 to 4) are what an interval had, not registers; public software
// calls them demand. All count Wh or varh, on P1.cx 0.1 of it.
type ThreePhaseBlock struct {
	Start    time.Time // of the first row, by the meter's clock
	Interval time.Duration
	Channels []ID
	Rows     []ThreePhaseRow
}

// ThreePhaseRow is what the channels held at a time.
type ThreePhaseRow struct {
	Time   time.Time
	Status ProfileStatus // [P]: the bits of the other profile logs
	Values []uint32      // in the order of the block's Channels
}

// ThreePhaseLog decodes what follows the format byte in an answer to AppendThreePhaseLog. Rows that hold nothing (all FF) are left out,
// and the times of the others stay their own. The meter answers a range before its first row with the first, one behind its last with
// the last: compare the rows' times with what was asked. Nothing in the answer tells the question.
func ThreePhaseLog(payload []byte) (ThreePhaseBlock, error) {
	r := reader{b: payload}
	block := ThreePhaseBlock{Start: r.timestamp(), Interval: time.Duration(r.u8()) * time.Minute}
	channels := int(r.u8())
	ids := r.take(3 * channels)
	size := 2 + 4*channels
	rest := len(payload) - r.off
	switch {
	case r.err != nil:
	case block.Interval == 0:
		r.fail("an interval of no length")
	case channels == 0:
		r.fail("no channels")
	case rest%size != 0:
		r.fail("%d bytes of rows where %d make one", rest, size)
	}
	if r.err != nil {
		return ThreePhaseBlock{}, fmt.Errorf("three phase interval log: %w", r.err)
	}
	block.Channels = make([]ID, channels)
	for i := range block.Channels {
		block.Channels[i] = ID(ids[3*i])<<16 | ID(ids[3*i+1])<<8 | ID(ids[3*i+2])
	}
	block.rows(&r, rest/size)
	return block, nil
}

// rows reads n rows whose bytes are known to be there.
func (b *ThreePhaseBlock) rows(r *reader, n int) {
	channels := len(b.Channels)
	values := make([]uint32, n*channels)
	b.Rows = make([]ThreePhaseRow, 0, n)
	for i := range n {
		row := ThreePhaseRow{Time: b.Start.Add(time.Duration(i) * b.Interval), Status: profileStatus(r), Values: values[:channels:channels]}
		values = values[channels:]
		written := row.Status != 0xffff
		for j := range row.Values {
			row.Values[j] = r.u32()
			written = written || row.Values[j] != 0xffffffff
		}
		if written {
			b.Rows = append(b.Rows, row)
		}
	}
}
