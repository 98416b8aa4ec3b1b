package browser

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// bad is a site on which things go wrong.
func bad(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Security-Policy", "default-src 'self'")
	switch r.URL.Path {
	case "/policy":
		w.Write([]byte(`<link rel=icon href=/icon><p style="color: red">x`))
	case "/request":
		w.Write([]byte(`<link rel=icon href=/icon><img src=/nothing>`))
	case "/script":
		w.Write([]byte(`<link rel=icon href=/icon><script src=/throws.js></script>`))
	case "/console":
		w.Write([]byte(`<link rel=icon href=/icon><script src=/says.js></script>`))
	case "/throws.js":
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(`throw new Error("thrown")`))
	case "/says.js":
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(`console.log("fine"); console.warn("said", 7)`))
	case "/icon":
	default:
		http.NotFound(w, r)
	}
}

func TestWhatGoesWrongInAPageIsNoticed(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(bad))
	defer site.Close()
	p := New(t).Page(t, site.URL)
	for path, want := range map[string]string{
		"/policy": "Content Security Policy", "/request": "404", "/script": "Error: thrown", "/console": `console.warning: "said" 7`, "/gone": "404",
	} {
		p.Open(path)
		if n := p.Forgive(want); n != 1 || len(p.faults) != 0 {
			t.Errorf("%s: %d faults with %q; others: %q", path, n, want, p.faults)
		}
		p.faults = nil
	}
	p.Open("/icon")
	if p.Weight() == 0 {
		t.Error("a page without weight")
	}
}

func TestNothingIsLeftOfABrowser(t *testing.T) {
	others := goleak.IgnoreCurrent()
	var process *os.Process
	var profile string
	t.Run("browser", func(t *testing.T) {
		b := New(t)
		process = chromedp.FromContext(b.ctx).Browser.Process()
		p := b.Page(t, "")
		p.Open("chrome://version")
		profile = filepath.Dir(Eval[string](p, `document.getElementById("profile_path").textContent`))
	})
	if process == nil {
		t.Skip("SKIPPED: there was no browser")
	}
	if err := process.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("process %d is there: %v", process.Pid, err)
	}
	if _, err := os.Stat(profile); !os.IsNotExist(err) {
		t.Errorf("profile %s is there: %v", profile, err)
	}
	if err := goleak.Find(others); err != nil {
		t.Error(err)
	}
}
