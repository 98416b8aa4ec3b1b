package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy lets a page load and run nothing but what this server has, and be shown inside no other.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// framed gives River's view of the jobs the headers of a page. Its styles are made by its script.
func framed(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// guard refuses what no page of ours has asked: at a name that is not this machine's, and actions from other sites. Deny says so.
func guard(next http.Handler, deny func(w http.ResponseWriter, r *http.Request, said *outcome)) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !local(r.Host):
			deny(w, r, &outcome{http.StatusMisdirectedRequest, "Not at this name", "There are no accounts yet, so the pages answer only at 127.0.0.1, [::1] and localhost.", ""})
		case origins.Check(r) != nil:
			deny(w, r, &outcome{http.StatusForbidden, "Not from there", "Another site has asked for this. Nothing was done. What is to be done is asked for on the pages here.", "/"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// local tells whether a name is this machine's: a page of somebody else's, whose name suddenly means 127.0.0.1, may not read ours.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback() || strings.EqualFold(name, "localhost")
}
