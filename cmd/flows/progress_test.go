package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shown is a progress that writes to the buffer, as on a terminal of that width or, with 0, elsewhere.
func shown(width int, p *progress) (*progress, *bytes.Buffer) {
	var text bytes.Buffer
	p.w, p.width = &text, func() (int, bool) { return width, width > 0 }
	return p, &text
}

func TestProgressIsALineOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, text := shown(80, &progress{what: "sync hourly", unit: "meters", of: 1204})
		end := p.begin()
		time.Sleep(60 * time.Second)
		synctest.Wait()
		text.Reset()
		p.add(812, 0)
		time.Sleep(drawEvery)
		synctest.Wait()
		const want = "\rsync hourly  [=================>        ] 812 of 1 204 meters  14/s  about 29 s\033[K"
		if got := text.String(); got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
		text.Reset()
		for range 5000 { // however fast they come
			p.add(0, 1)
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n := strings.Count(text.String(), "\r"); n != 50 {
			t.Errorf("%d times drawn in 5 s", n)
		}
		text.Reset()
		end()
		time.Sleep(time.Minute)
		if got := text.String(); got != "\r\033[K" {
			t.Errorf("left on the terminal: %q", got)
		}
	})
}

func TestProgressFitsTheTerminal(t *testing.T) {
	p := &progress{what: "backfill", unit: "meters", of: 1_000_000, also: "records", done: 250_000, more: 12_000_000}
	facts := p.facts(time.Hour)
	for width, want := range map[int]string{
		200: "backfill  [==========>" + strings.Repeat(" ", 29) + "] 250 000 of 1 000 000 meters  12 000 000 records  69/s  about 3 h",
		88:  "backfill  [==>       ] 250 000 of 1 000 000 meters  12 000 000 records  69/s  about 3 h",
		87:  "backfill  250 000 of 1 000 000 meters  12 000 000 records  69/s  about 3 h",
		30:  "backfill  250 000 of 1 000 00",
		1:   "", 0: "",
	} {
		got := p.line(width, p.done, facts)
		if got != want || len(got) >= max(width, 1) {
			t.Errorf("%d columns: got %q (%d)\nwant %q (%d)", width, got, len(got), want, len(want))
		}
	}
	p.done = p.of
	if got := p.line(200, p.done, nil); !strings.Contains(got, "["+strings.Repeat("=", 40)+"]") {
		t.Errorf("all done: %q", got)
	}
}

func TestProgressIsPlainLinesElsewhere(t *testing.T) {
	for _, c := range []struct {
		name string
		p    *progress
		each time.Duration // one of them
		took time.Duration
		want string
	}{
		{"over at once", &progress{what: "sync daily", unit: "meters", of: 100}, 90 * time.Millisecond, 9 * time.Second, ""},
		{"by tenths", &progress{what: "sync daily", unit: "meters", of: 20}, 5 * time.Second, 22 * time.Second,
			"sync daily: 2 of 20 meters, 12/min, about 90 s\nsync daily: 4 of 20 meters, 12/min, about 80 s\n"},
		{"by half minutes", &progress{what: "sync daily", unit: "meters", of: 2000}, 20 * time.Second, 65 * time.Second,
			"sync daily: 1 of 2 000 meters, 2/min, about 16 h 39 min\nsync daily: 3 of 2 000 meters, 3/min, about 11 h 5 min\n"},
		{"nothing comes", &progress{what: "backfill", unit: "meters", of: 3, also: "records"}, time.Hour, 40 * time.Second, "backfill: 0 of 3 meters, 0 records, 30 s\n"},
		{"nobody knows how far", &progress{what: "meters import", unit: "lines", done: 50_000}, time.Hour, 61 * time.Second,
			"meters import: 50 000 lines, 30 s\nmeters import: 50 000 lines, 60 s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, text := shown(0, c.p)
				end := p.begin()
				for at := c.each; at < c.took; at += c.each {
					time.Sleep(c.each - drawEvery/2) // never at the moment of drawing
					p.add(1, 0)
					time.Sleep(drawEvery / 2)
				}
				time.Sleep(c.took - time.Since(p.began))
				end()
				if diff := cmp.Diff(c.want, text.String()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestPace(t *testing.T) {
	got := fmt.Sprint(pace(1203.6), " ", pace(1), " ", pace(0.5), " ", pace(0.01), " ", grouped(0), " ", grouped(999), " ", grouped(1000), " ", grouped(1234567))
	if want := "1204/s 1/s 30/min 36/h 0 999 1 000 1 234 567"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatIsNoTerminalHasNoColumns(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, terminal := columns(f); terminal {
		t.Error("a file is a terminal")
	}
	if _, terminal := columns(&bytes.Buffer{}); terminal {
		t.Error("a buffer is a terminal")
	}
}
