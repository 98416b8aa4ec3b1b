// Package browser runs a real Chromium for tests, and fails a test in whose pages something went wrong unseen: an error in the console, a
// violation of the content security policy, an exception, a request that failed. Only _test files import it.
package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is for one step on a busy machine.
const patience = 30 * time.Second

// Browser is one Chromium with a profile of its own, which is thrown away.
type Browser struct {
	ctx context.Context
}

// New starts a Chromium, and skips the test where there is none.
func New(t testing.TB) *Browser {
	t.Helper()
	path := find()
	if path == "" {
		t.Skip("SKIPPED: chromium is not installed: pages are not tested in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	b := &Browser{}
	var end context.CancelFunc
	b.ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(b.ctx) // waits for the process
		end()
		stop()
	})
	if err := chromedp.Do(b.ctx); err != nil {
		t.Fatal("chromium does not start: ", err)
	}
	return b
}

func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
