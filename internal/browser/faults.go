package browser

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// hear is called with each event before the answer to any command that follows it.
func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			p.at, p.messages = e.Frame.URL, 0
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		p.fault("exception: %s", text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var said []string
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			p.fault("console.%s: %s", e.Type, strings.Join(said, " "))
		}
	case *log.EventEntryAdded: // violations of the policy and requests that failed too
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.fault("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventLoadingFinished:
		p.weight += e.EncodedDataLength
	case *network.EventEventSourceMessageReceived:
		p.messages++
	}
}

// fault is for callers who hold the lock.
func (p *Page) fault(format string, args ...any) {
	p.faults = append(p.faults, p.at+": "+fmt.Sprintf(format, args...))
}

// Forgive forgets the faults that contain the text, and gives how many there were: for what a test provokes.
func (p *Page) Forgive(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := len(p.faults)
	p.faults = slices.DeleteFunc(p.faults, func(f string) bool { return strings.Contains(f, text) })
	return all - len(p.faults)
}

// Weight is how many bytes have come over the wire since the last Open.
func (p *Page) Weight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.weight)
}

// Messages is how many server-sent events have come to the page that is shown.
func (p *Page) Messages() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages
}
