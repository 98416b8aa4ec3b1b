package mediator

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"flows/emop"
	"flows/mediator/mediatorpb"
)

// faultMatrix says what each call must come to when the meter misbehaves: its outcome, how often the meter is tried, and the most time
// that may go by, with a time-out of 10 s and a spacing of 2 s. A try is a request on the wire, or a connection that came to none. A raw
// message is held to what it does, reading or writing. It follows from these rules:
//
//   - a read is tried again, at most 5 times; a dead meter costs at most 3 time-outs
//   - the objects of a batch behind one that showed the meter to be dead are not asked for, and fail for its reason
//   - a write is tried again only when nothing of it was sent; when its answer is lost it was sent once, and nobody knows the outcome
//   - a NAK is an answer; a read is asked again after code 1 alone, a write never
//   - what answers another request is dropped, and so is noise: the answer may still come inside the time-out
//   - a frame whose CRC is wrong with nothing behind it fails the try at once
//   - what looks like the beginning of a longer frame is waited for, 5 s at most: by chance the end of a spoiled one does, too
const faultMatrix = `
                                 | a read, raw or not    | a batch of three       | a write, raw or not
at every request
  refuse                         | UNREACHABLE  5  30s   | UNREACHABLE  5  30s    | UNREACHABLE      5  30s
  connecting takes for ever      | UNREACHABLE  3  30s   | UNREACHABLE  3  30s    | UNREACHABLE      3  30s
  EOF before the request         | CLOSED       5  30s   | CLOSED       5  30s    | CLOSED           5  30s
  EOF inside the request         | CLOSED       5  30s   | CLOSED       5  30s    | OUTCOME_UNKNOWN  1   0s
  silence                        | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
  EOF before the answer          | CLOSED       5  30s   | CLOSED       5  30s    | OUTCOME_UNKNOWN  1   0s
  EOF inside the answer          | CLOSED       5  30s   | CLOSED       5  30s    | OUTCOME_UNKNOWN  1   0s
  EOF after the answer           | ok           1   0s   | ok           3   4s    | ok               1   0s
  connection reset               | CLOSED       5  30s   | CLOSED       5  30s    | OUTCOME_UNKNOWN  1   0s
  reset inside the answer        | CLOSED       5  30s   | CLOSED       5  30s    | OUTCOME_UNKNOWN  1   0s
  one byte at a time             | ok           1   3s   | ok           3  13s    | ok               1   3s
  two frames at once             | ok           1   0s   | ok           3   4s    | ok               1   0s
  wrong CRC                      | BAD_ANSWER   5   8s   | BAD_ANSWER   5   8s    | OUTCOME_UNKNOWN  1   0s
  wrong CRC, then the answer     | ok           1   5s   | ok           3  19s    | ok               1   5s
  stale answer alone             | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
  stale answer, then the answer  | ok           1   0s   | ok           3   4s    | ok               1   0s
  stale answer, the answer late  | ok           1   8s   | ok           3  28s    | ok               1   8s
  wrong object                   | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
  for another caller             | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
  a read's for a write's         | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
  NAK 1                          | NAK1         5   8s   | NAK1        15  28s    | NAK1             1   0s
  NAK 2                          | NAK2         1   0s   | NAK2         3   4s    | NAK2             1   0s
  NAK 3                          | NAK3         1   0s   | NAK3         3   4s    | NAK3             1   0s
  NAK 4                          | NAK4         1   0s   | NAK4         3   4s    | NAK4             1   0s
  NAK 5                          | NAK5         1   0s   | NAK5         3   4s    | NAK5             1   0s
  NAK 6                          | NAK6         1   0s   | NAK6         3   4s    | NAK6             1   0s
  NAK 7                          | NAK7         1   0s   | NAK7         3   4s    | NAK7             1   0s
  garbage before the frame       | ok           1   0s   | ok           3   4s    | ok               1   0s
  garbage alone                  | BAD_ANSWER   3  30s   | BAD_ANSWER   3  30s    | OUTCOME_UNKNOWN  1  10s
  garbage without end            | BAD_ANSWER   3  30s   | BAD_ANSWER   3  30s    | OUTCOME_UNKNOWN  1  10s
  oversized length               | BAD_ANSWER   3  30s   | BAD_ANSWER   3  30s    | OUTCOME_UNKNOWN  1  10s
  oversized, then the answer     | ok           1   5s   | ok           3  19s    | ok               1   5s
  slow, but in time              | ok           1   9s   | ok           3  31s    | ok               1   9s
  slow beyond the time-out       | TIMEOUT      3  30s   | TIMEOUT      3  30s    | OUTCOME_UNKNOWN  1  10s
at the first request only
  once refuse                    | ok           2   3s   | ok           4   7s    | ok               2   3s
  twice refuse                   | ok           3   7s   | ok           5  11s    | ok               3   7s
  once connecting for ever       | ok           2  13s   | ok           4  17s    | ok               2  13s
  once EOF before the request    | ok           2   3s   | ok           4   7s    | ok               2   3s
  once EOF inside the request    | ok           2   3s   | ok           4   7s    | OUTCOME_UNKNOWN  1   0s
  once silence                   | ok           2  13s   | ok           4  17s    | OUTCOME_UNKNOWN  1  10s
  once EOF before the answer     | ok           2   3s   | ok           4   7s    | OUTCOME_UNKNOWN  1   0s
  once EOF inside the answer     | ok           2   3s   | ok           4   7s    | OUTCOME_UNKNOWN  1   0s
  once connection reset          | ok           2   3s   | ok           4   7s    | OUTCOME_UNKNOWN  1   0s
  once wrong CRC                 | ok           2   2s   | ok           4   6s    | OUTCOME_UNKNOWN  1   0s
  once stale answer alone        | ok           2  13s   | ok           4  17s    | OUTCOME_UNKNOWN  1  10s
  once wrong object              | ok           2  13s   | ok           4  17s    | OUTCOME_UNKNOWN  1  10s
  once NAK 1                     | ok           2   2s   | ok           4   6s    | NAK1             1   0s
  once garbage alone             | ok           2  12s   | ok           4  16s    | OUTCOME_UNKNOWN  1  10s
  once slow beyond the time-out  | ok           2  13s   | ok           4  17s    | OUTCOME_UNKNOWN  1  10s
`

// overTCP names the rows that are repeated on real TCP.
var overTCP = []string{"refuse", "silence", "EOF inside the answer", "EOF after the answer", "connection reset", "two frames at once",
	"wrong CRC", "stale answer, then the answer", "NAK 5", "garbage before the frame", "once refuse", "once connection reset"}

// cell is what a call comes to under a fault.
type cell struct {
	outcome string // ok, or the code with the NAK's number
	tries   int
	time    time.Duration
}

func (c cell) String() string {
	return fmt.Sprintf("%-16s %2d tries  %8s", c.outcome, c.tries, c.time.Round(time.Millisecond))
}

// calls are the ways to ask; each takes what it must come to from a column of the matrix.
var calls = []struct {
	name   string
	column int
	ask    func(ctx context.Context, t *testing.T, b bench) error
}{
	{"read", 0, func(ctx context.Context, t *testing.T, b bench) error {
		payload, err := b.read(ctx, csq)
		if err == nil && string(payload) != "\xff\xfd\x1d" {
			t.Errorf("payload %x", payload)
		}
		return err
	}},
	{"raw read", 0, func(ctx context.Context, t *testing.T, b bench) error {
		return b.raw(ctx, t, emop.AppendRead(nil, csq), "\xff\xfd\x1d\x00\xff\xfd\x1d")
	}},
	{"batch read", 1, readThree},
	{"write", 2, func(ctx context.Context, _ *testing.T, b bench) error { return b.write(ctx, token, secretText) }},
	{"raw write", 2, func(ctx context.Context, t *testing.T, b bench) error {
		return b.raw(ctx, t, emop.AppendWrite(nil, token, []byte(secretText)), "\xff\xc8\x03\x01")
	}},
}

func (b bench) raw(ctx context.Context, t *testing.T, data []byte, want string) error {
	reply, err := b.SendRawMessage(ctx, &mediatorpb.SendRawMessageRequest{Serial: serial, DataField: data})
	if got := string(reply.GetResponse()); err == nil && got != want {
		t.Errorf("response %x, want %x", got, want)
	}
	return err
}

// errItem is the failure of an object of a batch.
type errItem struct{ *mediatorpb.BatchError }

func (e errItem) Error() string { return e.GetMessage() }

// readThree reads a batch, every object of which must come to the same.
func readThree(ctx context.Context, t *testing.T, b bench) (err error) {
	replies, err := b.batch(ctx, csq, backlight, 0x0c0700)
	if err != nil || len(replies) != 3 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	first := replies[0].GetError()
	for i, want := range []string{"\xff\xfd\x1d", "\xff\xff\x10", "\x0c\x07\x00"} {
		r := replies[i]
		if e := r.GetError(); e.GetReason() != first.GetReason() || e.GetNak() != first.GetNak() || e == nil && string(r.GetPayload()) != want {
			t.Errorf("object %d: %v, want what became of the first, %v", i+1, r, first)
		}
	}
	if first != nil {
		return errItem{first}
	}
	return nil
}

// outcomeOf names what a call came to: ok, or its code with the NAK's number.
func outcomeOf(t *testing.T, err error) string {
	t.Helper()
	e, item := err.(errItem)
	switch {
	case err == nil:
		return "ok"
	case item && e.GetNak() != 0:
		return e.GetReason() + strconv.Itoa(int(e.GetNak()))
	case item:
		return e.GetReason()
	}
	reason, nak := reasonOf(t, err)
	return reason + nak
}

// measure makes a call and says what it came to.
func measure(t *testing.T, b bench, ask func(context.Context, *testing.T, bench) error) cell {
	t.Helper()
	begun := time.Now()
	err := ask(t.Context(), t, b)
	took := time.Since(begun)
	if err != nil && strings.Contains(err.Error(), secretText) {
		t.Errorf("the token is in the error: %v", err)
	}
	return cell{outcomeOf(t, err), b.meter.tries(), took}
}

func TestFaultMatrix(t *testing.T) {
	names, want := parseMatrix(t)
	var printed strings.Builder
	for _, name := range names {
		for _, call := range calls {
			t.Run(name+"/"+call.name, func(t *testing.T) {
				want := want[name][call.column]
				onBench(t, meters[name](), func(t *testing.T, b bench) {
					got := measure(t, b, call.ask)
					fmt.Fprintf(&printed, "\n%-30s %-10s  %s of %s", name, call.name, got, want.time)
					if got.outcome != want.outcome || got.tries != want.tries || got.time > want.time+50*time.Millisecond {
						t.Errorf("got  %s\nwant %s at most", got, want)
					}
					time.Sleep(time.Minute) // the meter may be answering still
					if late := b.meter.tries() - got.tries; late != 0 {
						t.Errorf("tried %d times more after the answer", late)
					}
					seen := b.meter.requests()
					if call.column == 2 && len(seen) > 1 {
						t.Errorf("%d writes on the wire", len(seen))
					}
					spaced(t, seen, DefaultSpacing)
					b.meter.dialsSpaced(t, DefaultSpacing)
				})
			})
		}
	}
	t.Log(printed.String())
}

// TestFaultMatrixOverTCP repeats rows on sockets, in real time: everything fifty times as fast. The time allowed has room for a busy
// machine, on which there may be fewer tries.
func TestFaultMatrixOverTCP(t *testing.T) {
	const faster, slack = 50, 2 * time.Second
	_, want := parseMatrix(t)
	lines := make([]string, len(overTCP)*len(calls))
	t.Run("rows", func(t *testing.T) {
		for i := range lines {
			name, call := overTCP[i/len(calls)], calls[i%len(calls)]
			t.Run(name+"/"+call.name, func(t *testing.T) {
				t.Parallel()
				want, meter := want[name][call.column], meters[name]()
				s, err := New(book{serial: mustAddress("127.0.0.1:8080")}, Options{
					Timeout: DefaultTimeout / faster, Spacing: DefaultSpacing / faster, IdleClose: DefaultIdleClose / faster,
					Dial: meter.overTCP(t), Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Stop(context.Background())
				got := measure(t, bench{elementService{Server: s}, meter}, call.ask)
				lines[i] = fmt.Sprintf("\n%-30s %-10s  %s of %s", name, call.name, got, want.time/faster)
				if got.outcome != want.outcome || got.tries > want.tries || got.time > want.time/faster+slack {
					t.Errorf("got  %s\nwant %s at most, %d times as fast", got, want, faster)
				}
				spaced(t, meter.requests(), DefaultSpacing/faster)
			})
		}
	})
	t.Log(strings.Join(lines, ""))
}

// parseMatrix reads faultMatrix; its rows and the meters must be the same.
func parseMatrix(t *testing.T) (names []string, want map[string][3]cell) {
	t.Helper()
	want = map[string][3]cell{}
	for _, line := range strings.Split(faultMatrix, "\n") {
		fields := strings.Split(line, "|")
		name := strings.TrimSpace(fields[0])
		if len(fields) != 4 || name == "" {
			continue
		}
		var row [3]cell
		for i, text := range fields[1:] {
			var most string
			_, err := fmt.Sscan(text, &row[i].outcome, &row[i].tries, &most)
			if err == nil {
				row[i].time, err = time.ParseDuration(most)
			}
			if err != nil {
				t.Fatalf("%s: %q: %v", name, text, err)
			}
		}
		if meters[name] == nil {
			t.Fatalf("no meter does %q", name)
		}
		names, want[name] = append(names, name), row
	}
	for name := range meters {
		if _, ok := want[name]; !ok {
			t.Errorf("the matrix does not say what becomes of %q", name)
		}
	}
	for _, name := range overTCP {
		if !slices.Contains(names, name) {
			t.Errorf("the matrix has no row %q", name)
		}
	}
	return names, want
}
