package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// everyLive is how often a page that is looked at is made anew. A page that has not changed is not sent.
const everyLive = 2 * time.Second

// wantsLive tells that the page's script asks, which replaces what has changed on it.
func wantsLive(r *http.Request) bool { return r.Header.Get("Accept") == "text/event-stream" }

// live sends the page as server-sent events as often as it changes, until nobody looks any more or the server stops.
func (p *pages) live(w http.ResponseWriter, r *http.Request, make func(*http.Request) (body []byte, code int)) {
	out := http.NewResponseController(w)
	// A server's limits are for answers that end.
	_ = out.SetWriteDeadline(time.Time{})
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	again := time.NewTicker(p.every)
	defer again.Stop()
	var last []byte
	for {
		body, code := make(r)
		switch {
		case code != http.StatusOK: // a page that was there comes back: the script keeps the last one
			fmt.Fprintf(w, "event: trouble\ndata: %d\n\n", code)
			last = nil
		case !bytes.Equal(body, last):
			last = body
			fmt.Fprintf(w, "event: page\ndata: %s\n\n", strings.ReplaceAll(string(body), "\n", "\ndata: "))
		default:
			fmt.Fprint(w, ": the same\n\n") // finds out whether somebody is there
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-again.C:
		case <-r.Context().Done():
			return
		case <-p.stopped:
			return
		}
	}
}
