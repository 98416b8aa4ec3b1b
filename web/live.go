package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// everyLive is how long after it was made a page that is looked at is made anew. A page that has not changed is not sent.
	everyLive = 2 * time.Second
	// takenWithin is how long a browser may take for what it is sent.
	takenWithin = 10 * time.Second
)

// wantsLive tells that the page's script asks, which replaces what has changed on it.
func wantsLive(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Accept") == "text/event-stream"
}

// dataLines are a page's lines as the data of an event, in which any kind of line end ends the line.
var dataLines = strings.NewReplacer("\r\n", "\ndata: ", "\r", "\ndata: ", "\n", "\ndata: ")

// live sends the page as server-sent events as often as it changes, until it is one that changes no more, nobody looks or the server stops.
func (p *pages) live(w http.ResponseWriter, r *http.Request, make func(*http.Request) (body []byte, code int, live bool)) {
	out := http.NewResponseController(w)
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	var last []byte
	for {
		body, code, live := make(r)
		_ = out.SetWriteDeadline(time.Now().Add(takenWithin)) // the server's own is for answers that end
		switch {
		case code != http.StatusOK: // a page that was there comes back: the script keeps the last one
			fmt.Fprintf(w, "event: trouble\ndata: %d\n\n", code)
			last = nil
		case !bytes.Equal(body, last):
			last = body
			fmt.Fprintf(w, "event: page\ndata: %s\n\n", dataLines.Replace(string(body)))
		default:
			fmt.Fprint(w, ": the same\n\n") // finds out whether somebody is there
		}
		if code == http.StatusOK && !live {
			fmt.Fprint(w, "event: end\ndata: it changes no more\n\n")
			return
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-time.After(p.every): // not a ticker: a page that takes long would be made all the time
		case <-r.Context().Done():
			return
		case <-p.stopped:
			return
		}
	}
}
