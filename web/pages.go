package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"flows"
)

// Store is what the pages ask. A serial that is not there is *flows.NoMeter, where one is asked for.
type Store interface {
	ESCOs(context.Context) ([]flows.ESCO, error)
	fleetStore
	metersStore
	meterStore
	runStore
	exceptionStore
	gapStore
	totalStore
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
		"energy": energy, "kwh": func(e flows.Energy) string { return grouped(e.String()) }, "money": money, "count": count, "signal": signal, "health": healthMark, "severity": severityMark, "path": url.PathEscape,
		"finding": func(r flows.Rule) string { return findings[r] }, "sentence": sentence,
	}).ParseFS(files, "templates/base.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"fleet", "meters", "meter", "runs", "run", "exceptions", "gaps", "totals", "api", "trouble"} {
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// pages are the dashboard.
type pages struct {
	Store
	queue      http.Handler               // nil: there is none
	Actions    Actions                    // nil: nothing can be done
	MediatorOf func(serial string) string // nil: there is one
	now        func() time.Time
	every      time.Duration   // how often a page that is looked at is made anew
	stopped    <-chan struct{} // nobody is to look at pages any more

	mu       sync.Mutex
	statuses map[string]*kept[flows.Status] // by code of ESCO as the store has it
	pictures map[string]*kept[picture]
	hardware map[string]*kept[[]string]      // of "", which is all
	sums     map[string]*kept[[]flows.Total] // by what is summed
}

// view is what every page has.
type view struct {
	Title, Tab string
	Live       bool   // its script keeps it fresh
	Charts     bool   // it has some
	Queue      bool   // there is a view of the jobs
	ESCO       string // code that was chosen; "" = all
	ESCOs      []flows.ESCO
	Search     string
	Old        string // the sentence that the page is older than it should be
	Clock      clock
	Page       any
}

// tab is a page that every page leads to.
type tab struct {
	Title, Path string
	Here        bool
}

// Tabs keep the ESCO that was chosen.
func (v *view) Tabs() (list []tab) {
	query := ""
	if v.ESCO != "" {
		query = "?" + url.Values{"esco": {v.ESCO}}.Encode()
	}
	for _, name := range []string{"fleet", "meters", "runs", "gaps", "exceptions", "totals"} {
		path := "/" + name
		if name == "fleet" {
			path = "/"
		}
		list = append(list, tab{sentence(name), path + query, v.Tab == name})
	}
	if v.Queue {
		list = append(list, tab{"Queue", QueuePrefix + "/", false})
	}
	return list
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
	for path, v := range map[string]struct {
		tab  string
		make page
	}{
		"/{$}": {"fleet", p.fleet}, "/meters": {"meters", p.meters}, "/meters/{serial}": {"meter", p.meter}, "/runs": {"runs", p.runs}, "/runs/{id}": {"run", p.run},
		"/exceptions": {"exceptions", p.exceptions}, "/gaps": {"gaps", p.gaps}, "/totals": {"totals", p.totals}, "/": {"", nowhere},
	} {
		mux.Handle("GET "+path, guard(p.serve(v.tab, v.make), p.deny))
	}
	for path, a := range map[string]action{
		"/meters/{serial}/read": p.readNow, "/meters/{serial}/gaps": p.fetchGaps, "/exceptions": p.answer,
	} {
		mux.Handle("POST "+path, guard(p.do(a), p.deny))
	}
	if p.queue != nil {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} { // all that it uses; one pattern for any would be at odds with "GET /"
			mux.Handle(method+" "+QueuePrefix+"/", guard(framed(p.queue), p.deny))
		}
		mux.Handle("GET "+QueuePrefix, http.RedirectHandler(QueuePrefix+"/", http.StatusMovedPermanently))
	}
	p.mountAPI(mux)
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

// QueuePrefix is where the view of the jobs is.
const QueuePrefix = "/queue"

func nowhere(*http.Request, *view) error {
	return &outcome{http.StatusNotFound, "No such page", "There is no page at this address.", "/"}
}

func (p *pages) serve(name string, make page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := func(r *http.Request) (body []byte, code int, live bool) {
			ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
			defer cancel()
			v := p.view(r, name)
			err := p.known(ctx, v)
			if err == nil {
				err = make(r.WithContext(ctx), v)
			}
			body, code = v.html(name, err)
			return body, code, v.Live
		}
		if wantsLive(r) {
			p.live(w, r, shown)
			return
		}
		body, code, _ := shown(r)
		show(w, body, code)
	})
}

func (p *pages) view(r *http.Request, tab string) *view {
	return &view{Tab: tab, Queue: p.queue != nil, ESCO: r.FormValue("esco"), Clock: clock{p.now(), time.UTC}.in("Europe/London")}
}

// deny shows a page about what was not done.
func (p *pages) deny(w http.ResponseWriter, r *http.Request, said *outcome) {
	body, code := (&view{Clock: clock{p.now(), time.UTC}}).html("", said)
	show(w, body, code)
}

// html makes the page, or one that says what is wrong.
func (v *view) html(name string, err error) (body []byte, code int) {
	code = http.StatusOK
	if err != nil {
		said := explain(err)
		name, code, v.Title, v.Page = "trouble", said.code, said.title, said
	}
	var out bytes.Buffer
	if err := templates[name].ExecuteTemplate(&out, "base.html", v); err != nil {
		return []byte("this page cannot be shown: " + template.HTMLEscapeString(err.Error())), http.StatusInternalServerError
	}
	return out.Bytes(), code
}

func show(w http.ResponseWriter, body []byte, code int) {
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(body) // who asked may be gone
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
	var refused *flows.Refusal
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &none) && none.By != "":
		return &outcome{http.StatusNotFound, "Meter " + none.Serial, "Meter " + none.Serial + " was exchanged for " + none.By + " at " +
			none.At.UTC().Format("2006-01-02 15:04") + " UTC.", meterPath(none.By)}
	case errors.As(err, &none):
		return &outcome{http.StatusNotFound, "No such meter", "Meter " + none.Serial + " is not in the registry. Look for a part of its serial, or of its name.", "/meters"}
	}
	if gone := (*flows.NoRun)(nil); errors.As(err, &gone) {
		return &outcome{http.StatusNotFound, "No such run", sentence(gone.Error()) + ".", "/runs"}
	}
	if errors.As(err, &refused) {
		return &outcome{http.StatusConflict, "Not done", sentence(refused.Reason) + ".", ""}
	}
	return &outcome{http.StatusServiceUnavailable, "No answer from the database", "Nothing can be shown without it: " + err.Error() + ". Reload the page when it is back.", ""}
}

func (o *outcome) Title() string { return o.title }

// Text is the sentence.
func (o *outcome) Text() string { return o.text }

// Next is a path that helps; "" for none.
func (o *outcome) Next() string { return o.next }

func meterPath(serial string) string { return "/meters/" + url.PathEscape(serial) }
