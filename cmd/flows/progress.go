package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"flows"
)

const (
	drawEvery  = 100 * time.Millisecond // of a terminal's line
	quietFor   = 10 * time.Second       // what ends sooner has no plain line
	plainEvery = 30 * time.Second       // or a tenth, what comes first
)

// progress tells people how far a command is: on a terminal in one line that is drawn anew, elsewhere in a plain line now and then.
type progress struct {
	w     io.Writer
	width func() (columns int, terminal bool)
	what  string // sync hourly
	unit  string // meters
	of    int    // 0: nobody can tell how far it is, only for how long

	mu         sync.Mutex
	done, more int    // of of, and of what else is counted
	also       string // records

	began, told time.Time
	saidDone    int
	stop        chan struct{}
	stopped     sync.WaitGroup
}

// begin shows p until the returned function is called, which leaves nothing of a terminal's line.
func (p *progress) begin() (end func()) {
	p.began, p.stop = time.Now(), make(chan struct{})
	p.told = p.began
	p.stopped.Go(func() {
		ticks := time.NewTicker(drawEvery)
		defer ticks.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticks.C:
				p.show()
			}
		}
	})
	return func() {
		close(p.stop)
		p.stopped.Wait()
		if _, terminal := p.width(); terminal {
			fmt.Fprint(p.w, "\r\033[K")
		}
	}
}

// add counts what is done, and more of what else is counted.
func (p *progress) add(done, more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.more = p.done+done, p.more+more
}

// show draws the line, or prints one when it is time.
func (p *progress) show() {
	p.mu.Lock()
	done, facts := p.done, p.facts(time.Since(p.began))
	p.mu.Unlock()
	if width, terminal := p.width(); terminal {
		fmt.Fprintf(p.w, "\r%s\033[K", p.line(width, done, facts))
		return
	}
	now := time.Now()
	if tenth := p.of > 0 && (done-p.saidDone)*10 >= p.of; now.Sub(p.began) >= quietFor && (tenth || now.Sub(p.told) >= plainEvery) {
		p.told, p.saidDone = now, done
		fmt.Fprintf(p.w, "%s: %s\n", p.what, strings.Join(facts, ", "))
	}
}

// facts are what there is to say, what matters most first.
func (p *progress) facts(since time.Duration) []string {
	if p.of == 0 {
		return []string{grouped(p.done) + " " + p.unit, flows.Span(since)}
	}
	list := []string{fmt.Sprintf("%s of %s %s", grouped(p.done), grouped(p.of), p.unit)}
	if p.also != "" {
		list = append(list, grouped(p.more)+" "+p.also)
	}
	if p.done == 0 {
		return append(list, flows.Span(since))
	}
	left := time.Duration(float64(since) / float64(p.done) * float64(p.of-p.done))
	return append(list, pace(float64(p.done)/since.Seconds()), "about "+flows.Span(left+time.Second/2))
}

// pace tells how many come in a time of which it is one and more.
func pace(perSecond float64) string {
	switch {
	case perSecond >= 1:
		return fmt.Sprintf("%.0f/s", perSecond)
	case perSecond*60 >= 1:
		return fmt.Sprintf("%.0f/min", perSecond*60)
	}
	return fmt.Sprintf("%.0f/h", perSecond*3600)
}

// line fits into the terminal: the bar gives way first, then what matters least.
func (p *progress) line(width, done int, facts []string) string {
	const least, most = 10, 40 // cells of the bar
	rest := strings.Join(facts, "  ")
	room := width - 1 - len(p.what) - len("  [] ") - len(rest) // in its last column a terminal may wrap
	text := p.what + "  " + rest
	if p.of > 0 && room >= least {
		cells := min(room, most)
		full := cells * min(done, p.of) / p.of
		bar := strings.Repeat("=", full)
		if full < cells {
			bar += ">" + strings.Repeat(" ", cells-full-1)
		}
		text = p.what + "  [" + bar + "] " + rest
	}
	return text[:min(len(text), max(width-1, 0))]
}

// grouped puts spaces between the thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + " " + text[i:]
	}
	return text
}

// columns is how wide the terminal is that w writes to, when it is one.
func columns(w io.Writer) (width int, terminal bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}

// progress shows on stderr how far a command is; stdout is for what it finds.
func (a *app) progress(what, unit string, of int) *progress {
	return &progress{w: a.stderr, width: func() (int, bool) { return columns(a.stderr) }, what: what, unit: unit, of: of}
}
