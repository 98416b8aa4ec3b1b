package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"flows"
)

// Store is what the pages ask. A serial that is not there is *flows.NoMeter, where one is asked for.
type Store interface {
	Status(ctx context.Context, esco string) (flows.Status, error)
	ESCOs(context.Context) ([]flows.ESCO, error)
	MeterLines(context.Context, flows.MeterQuery) ([]flows.MeterLine, error)
	MeterPage(ctx context.Context, serial string) (flows.MeterPage, error)
	Lanes(ctx context.Context, serial string, p flows.Period) ([]flows.Lane, error)
	MeterExceptions(ctx context.Context, serial string) ([]flows.MeterException, error)
	MeterGaps(ctx context.Context, serial string) ([]flows.MeterGap, error)
}

var (
	//go:embed assets
	assets embed.FS
	//go:embed templates
	files     embed.FS
	templates = parseTemplates()
)

func parseTemplates() map[string]*template.Template {
	base := template.Must(template.New("base.html").Funcs(template.FuncMap{
		"energy": energy, "money": money, "count": count, "signal": signal, "health": healthMark, "severity": severityMark, "path": url.PathEscape,
		"finding": func(r flows.Rule) string { return findings[r] }, "sentence": sentence,
	}).ParseFS(files, "templates/base.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"fleet", "meters", "meter", "trouble"} {
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// pages are the dashboard.
type pages struct {
	Store
	now func() time.Time

	mu   sync.Mutex
	kept map[string]*kept // by code of ESCO as the store has it
}

// view is what every page has.
type view struct {
	Title, Tab string
	ESCO       string // code that was chosen; "" = all
	ESCOs      []flows.ESCO
	Search     string
	Old        string // the sentence that the page is older than it should be
	Clock      clock
	Page       any
}

// pageWithin is the longest that a page may take.
const pageWithin = 20 * time.Second

// page makes a view, or an error that becomes a page of its own.
type page func(r *http.Request, v *view) error

// outcome is an answer that is no page of what was asked for.
type outcome struct {
	code              int
	title, text, next string // next is a path that helps
}

func (o *outcome) Error() string { return o.text }

func (p *pages) mount(mux *http.ServeMux) {
	mux.Handle("GET /{$}", p.serve("fleet", p.fleet))
	mux.Handle("GET /meters", p.serve("meters", p.meters))
	mux.Handle("GET /meters/{serial}", p.serve("meter", p.meter))
	mux.Handle("GET /", p.serve("", func(*http.Request, *view) error {
		return &outcome{http.StatusNotFound, "No such page", "There is no page at this address.", "/"}
	}))
	static, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // embedded
	}
	server := http.StripPrefix("/assets/", http.FileServerFS(static))
	mux.HandleFunc("GET /assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}

// secure lets a page load nothing but what this server has, run nothing, and be shown inside no other.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (p *pages) serve(name string, make page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
		defer cancel()
		v := &view{Tab: name, ESCO: r.FormValue("esco"), Clock: clock{p.now(), time.UTC}.in("Europe/London")}
		code, shown := http.StatusOK, name
		err := local(r)
		if err == nil {
			err = p.known(ctx, v)
		}
		if err == nil {
			err = make(r.WithContext(ctx), v)
		}
		if err != nil {
			said := explain(err)
			code, shown, v.Title, v.Page = said.code, "trouble", said.title, said
		}
		var body bytes.Buffer
		if err := templates[shown].ExecuteTemplate(&body, "base.html", v); err != nil {
			code = http.StatusInternalServerError
			body.Reset()
			body.WriteString("this page cannot be shown: " + template.HTMLEscapeString(err.Error()))
		}
		h := w.Header()
		secure(h)
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_, _ = w.Write(body.Bytes()) // who asked may be gone
	})
}

// local refuses a name that is not this machine's: a page of somebody else's, whose name suddenly means 127.0.0.1, may not read ours.
func local(r *http.Request) error {
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = strings.Trim(r.Host, "[]")
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() || strings.EqualFold(name, "localhost") {
		return nil
	}
	return &outcome{http.StatusMisdirectedRequest, "Not at this name", "There are no accounts yet, so the pages answer only at 127.0.0.1, [::1] and localhost.", ""}
}

// known fills in the ESCOs, and the zone of the one that was chosen.
func (p *pages) known(ctx context.Context, v *view) (err error) {
	if v.ESCOs, err = p.ESCOs(ctx); err != nil || v.ESCO == "" {
		return err
	}
	for _, e := range v.ESCOs {
		if strings.EqualFold(e.Code, v.ESCO) {
			v.ESCO, v.Clock = e.Code, v.Clock.in(e.Timezone)
			return nil
		}
	}
	asked := v.ESCO
	v.ESCO = ""
	return &outcome{http.StatusNotFound, "No such ESCO", "ESCO " + asked + " is not known. The chooser above has those that are.", "/"}
}

// explain turns an error into a page.
func explain(err error) *outcome {
	var said *outcome
	var none *flows.NoMeter
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &none) && none.By != "":
		return &outcome{http.StatusNotFound, "Meter " + none.Serial, "Meter " + none.Serial + " was exchanged for " + none.By + " at " +
			none.At.UTC().Format("2006-01-02 15:04") + " UTC.", meterPath(none.By)}
	case errors.As(err, &none):
		return &outcome{http.StatusNotFound, "No such meter", "Meter " + none.Serial + " is not in the registry. Look for a part of its serial, or of its name.", "/meters"}
	}
	return &outcome{http.StatusServiceUnavailable, "No answer from the database", "Nothing can be shown without it: " + err.Error() + ". Reload the page when it is back.", ""}
}

func (o *outcome) Title() string { return o.title }

// Text is the sentence.
func (o *outcome) Text() string { return o.text }

// Next is a path that helps; "" for none.
func (o *outcome) Next() string { return o.next }

func meterPath(serial string) string { return "/meters/" + url.PathEscape(serial) }
