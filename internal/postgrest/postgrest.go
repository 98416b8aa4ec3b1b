// Package postgrest stands in for PostgREST in tests: it runs what it is asked on a real PostgreSQL, with the role of the token. It knows just
// what Flows uses, and answers 400 to everything else, so that the client cannot drift from what a real one understands.
package postgrest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// MaxRows is how many rows a hosted project gives at the most.
const MaxRows = 1000

// Server answers at /rest/v1/.
type Server struct {
	Pool   *pgxpool.Pool
	Schema string // the only one that is exposed
	APIKey string // what the gateway wants
	Secret []byte // of the tokens
}

// Token is a key for a role.
func (s *Server) Token(role string, expires time.Time) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain values
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]any{"role": role, "exp": expires.Unix()})
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign(text))
}

func (s *Server) sign(text string) []byte {
	h := hmac.New(sha256.New, s.Secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// fault is an answer that says no.
type fault struct {
	status  int
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Details *string `json:"details"`
	Hint    *string `json:"hint"`
}

func (f *fault) Error() string { return f.Message }

func unknown(what, name string) *fault {
	return &fault{status: http.StatusBadRequest, Code: "PGRST100", Message: fmt.Sprintf("the stand-in knows no %s %q", what, name)}
}

// role is whose token it is.
func (s *Server) role(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", &fault{status: http.StatusUnauthorized, Code: "PGRST302", Message: "Anonymous access is disabled"}
	}
	at := strings.LastIndexByte(token, '.')
	if at < 0 || !hmac.Equal([]byte(token[at+1:]), []byte(base64.RawURLEncoding.EncodeToString(s.sign(token[:at])))) {
		return "", &fault{status: http.StatusUnauthorized, Code: "PGRST301", Message: "No suitable key or wrong key type"}
	}
	_, payload, _ := strings.Cut(token[:at], ".")
	var claims struct {
		Role string
		Exp  int64
	}
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(b, &claims)
	}
	switch {
	case err != nil:
		return "", &fault{status: http.StatusUnauthorized, Code: "PGRST301", Message: err.Error()}
	case time.Now().Unix() > claims.Exp+30: // seconds that clocks may differ
		return "", &fault{status: http.StatusUnauthorized, Code: "PGRST303", Message: "JWT expired"}
	}
	return claims.Role, nil
}

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, status, headers, err := s.answer(r)
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if err != nil {
		f := refused(err)
		body, _ = json.Marshal(f)
		status = f.status
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *Server) answer(r *http.Request) (body []byte, status int, headers map[string]string, err error) {
	if r.Header.Get("apikey") != s.APIKey {
		return nil, 0, nil, &fault{status: http.StatusUnauthorized, Message: "Invalid API key"}
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/rest/v1/")
	if !ok {
		return nil, 0, nil, &fault{status: http.StatusNotFound, Message: "no Route matched with those values"}
	}
	role, err := s.role(r)
	if err != nil {
		return nil, 0, nil, err
	}
	profile := r.Header.Get("Accept-Profile")
	if r.Method != http.MethodGet {
		profile = r.Header.Get("Content-Profile")
	}
	if profile != s.Schema {
		return nil, 0, nil, &fault{status: http.StatusNotAcceptable, Code: "PGRST106", Message: "Invalid schema: " + profile}
	}
	q, err := parse(r)
	if err != nil {
		return nil, 0, nil, err
	}
	if q.body, err = io.ReadAll(r.Body); err != nil {
		return nil, 0, nil, err
	}
	err = pgx.BeginFunc(r.Context(), s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(r.Context(), `set local role `+pgx.Identifier{role}.Sanitize()); err != nil {
			return err
		}
		name, rpc := strings.CutPrefix(path, "rpc/")
		if rpc {
			body, status, err = q.call(r.Context(), tx, s.Schema, name)
			return err
		}
		body, status, headers, err = q.table(r.Context(), tx, s.Schema, path)
		return err
	})
	return body, status, headers, err
}

// refused gives an error the status that PostgREST has for it.
func refused(err error) *fault {
	var f *fault
	var p *pgconn.PgError
	switch {
	case errors.As(err, &f):
		return f
	case !errors.As(err, &p):
		return &fault{status: http.StatusServiceUnavailable, Code: "PGRST001", Message: err.Error()}
	}
	f = &fault{status: http.StatusBadRequest, Code: p.Code, Message: p.Message, Details: &p.Detail, Hint: &p.Hint}
	switch {
	case p.Code == "23505" || p.Code == "23503":
		f.status = http.StatusConflict
	case p.Code == "42501":
		f.status = http.StatusForbidden
	case strings.HasPrefix(p.Code, "53"), strings.HasPrefix(p.Code, "57"), strings.HasPrefix(p.Code, "08"):
		f.status = http.StatusServiceUnavailable
	case strings.HasPrefix(p.Code, "40"):
		f.status = http.StatusInternalServerError
	}
	return f
}
