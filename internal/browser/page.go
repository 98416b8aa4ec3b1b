package browser

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Keys that have no letter.
const (
	Tab   = "\t"
	Enter = "\r"
	Left  = "\u0302"
	Right = "\u0303"
)

// Page is one tab.
type Page struct {
	t    testing.TB
	base string
	ctx  context.Context

	mu       sync.Mutex
	at       string // the address that is shown
	faults   []string
	weight   float64 // bytes received since the last Open
	messages int
}

// Page opens a tab for the site at base, with cookies and a cache of its own. What goes wrong in it fails the test when it ends.
func (b *Browser) Page(t testing.TB, base string) *Page {
	t.Helper()
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	p := &Page{t: t, base: base, ctx: ctx}
	t.Cleanup(func() {
		end()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Error("in the browser, at ", fault)
		}
	})
	p.must(chromedp.Listen(ctx, p.hear))
	p.Size(1240, 900)
	return p
}

func (p *Page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Fatalf("%v; in the browser at %s: %q", err, p.at, p.faults)
	}
}

func (p *Page) limit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

func (p *Page) do(step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.limit()
	defer cancel()
	p.must(chromedp.Do(ctx, step))
}

// Open goes to a path of the site, or to another address.
func (p *Page) Open(path string) {
	p.t.Helper()
	p.mu.Lock()
	p.weight = 0
	p.mu.Unlock()
	if !strings.Contains(path, "://") {
		path = p.base + path
	}
	p.do(chromedp.Navigate(path))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.do(chromedp.Reload())
}

// Size sets the window.
func (p *Page) Size(width, height int) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(int64(width), int64(height)))
}

// Scheme sets the colour scheme that the page is told of: light or dark.
func (p *Page) Scheme(name string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	p.must(err)
}

// NoCache has everything loaded anew with each page.
func (p *Page) NoCache() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	p.must(err)
}

// NoScripts switches JavaScript off for what is opened from now on. Eval still works.
func (p *Page) NoScripts() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.must(err)
}

// Click clicks on what the CSS selector finds first.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Type types into what the CSS selector finds first.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// Press presses a key wherever the focus is.
func (p *Page) Press(key string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(key))
}

// Wait waits until the JavaScript expression is true, over navigations too.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	ctx, cancel := p.limit()
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			shown, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText.slice(0, 2000)"))
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("waited %v in vain for %s at %s: %q\n%s", patience, expression, p.at, p.faults, shown)
		}
	}
}

// Eval gives the value of a JavaScript expression; a promise is waited for.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := p.limit()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.must(err)
	return v
}

// Picture is a PNG of the page from its top, so high at most.
func (p *Page) Picture(width, most int) []byte {
	p.t.Helper()
	height := min(most, Eval[int](p, "document.documentElement.scrollHeight"))
	beyond := true
	ctx, cancel := p.limit()
	defer cancel()
	r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: float64(width), Height: float64(height), Scale: 1}})
	p.must(err)
	return r.Data
}
