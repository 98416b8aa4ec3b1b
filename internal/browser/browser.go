// Package browser runs a real Chromium for tests, and fails a test in whose pages something went wrong unseen: an error in the console, a
// violation of the content security policy, an exception, a request that failed. Only _test files import it.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is for one step on a busy machine.
const patience = 20 * time.Second

// Browser is one Chromium with a profile of its own.
type Browser struct {
	ctx  context.Context
	stop context.CancelFunc
}

// New starts a Chromium, and skips the test where there is none.
func New(t testing.TB) *Browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: chromium is not installed: pages are not tested in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-dev-shm-usage", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	b := &Browser{}
	var end context.CancelFunc
	b.ctx, end = chromedp.NewContext(ctx)
	b.stop = func() { end(); stop() }
	t.Cleanup(func() {
		_ = chromedp.Cancel(b.ctx) // waits for the process
		b.stop()
	})
	if err := chromedp.Do(b.ctx); err != nil {
		t.Fatal("chromium does not start: ", err)
	}
	return b
}

// Page is one tab.
type Page struct {
	testing.TB
	base string
	ctx  context.Context

	mu     sync.Mutex
	faults []string
	weight float64 // bytes received since the last Open
}

// Page opens a tab for the site at base, with cookies and a cache of its own. What goes wrong in it fails the test when it ends.
func (b *Browser) Page(t testing.TB, base string) *Page {
	t.Helper()
	p := &Page{TB: t, base: base}
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	p.ctx = ctx
	t.Cleanup(func() {
		end()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Error("in the browser: ", fault)
		}
	})
	p.must(chromedp.Listen(ctx, p.hear))
	p.Size(1240, 900)
	return p
}

func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.faults = append(p.faults, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.faults = append(p.faults, fmt.Sprintf("console %s: %v", e.Type, e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.faults = append(p.faults, fmt.Sprintf("%s %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventLoadingFinished:
		p.weight += e.EncodedDataLength
	}
}

// Forgive forgets the faults that contain the text, and gives how many there were: for what a test provokes.
func (p *Page) Forgive(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.faults[:0]
	for _, f := range p.faults {
		if strings.Contains(f, text) {
			n++
			continue
		}
		kept = append(kept, f)
	}
	p.faults = kept
	return n
}

// Weight is how many bytes came over the wire since the last Open.
func (p *Page) Weight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.weight)
}

func (p *Page) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("%v; in the browser: %q", err, p.faults)
	}
}

// Do runs steps.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	p.must(chromedp.Do(ctx, steps...))
}

// Open goes to a path of the site, or to another address.
func (p *Page) Open(path string) {
	p.Helper()
	p.mu.Lock()
	p.weight = 0
	p.mu.Unlock()
	if !strings.Contains(path, "://") {
		path = p.base + path
	}
	p.Do(chromedp.Navigate(path))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.Helper()
	p.Do(chromedp.Reload())
}

// Size sets the window.
func (p *Page) Size(width, height int) {
	p.Helper()
	p.Do(chromedp.EmulateViewport(int64(width), int64(height)))
}

// Dark sets the colour scheme that the page is told of.
func (p *Page) Dark(dark bool) {
	p.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[dark]
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.must(err)
}

// Scripts switches JavaScript.
func (p *Page) Scripts(on bool) {
	p.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	p.must(err)
}

// Click clicks on what the CSS selector finds first.
func (p *Page) Click(selector string) {
	p.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Type types into what the CSS selector finds.
func (p *Page) Type(selector, text string) {
	p.Helper()
	p.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses a key wherever the focus is.
func (p *Page) Press(key string) {
	p.Helper()
	p.Do(chromedp.KeyEvent(key))
}

// Choose chooses an option of a select, as a person's choice would.
func (p *Page) Choose(selector, value string) {
	p.Helper()
	p.Do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// Wait waits until the JavaScript expression is true, over navigations too.
func (p *Page) Wait(expression string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + ' ' + document.body.innerText"))
			p.Fatalf("%s did not become true (%v) at %s", expression, err, text)
		}
	}
}

// Eval gives the value of a JavaScript expression; a promise is waited for.
func Eval[T any](p *Page, expression string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Picture is a PNG of the whole page.
func (p *Page) Picture() []byte {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	p.must(err)
	return png
}
