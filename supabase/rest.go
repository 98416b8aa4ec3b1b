package supabase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"flows"
)

// call is one request. A body is sent as JSON.
type call struct {
	method string
	path   string // table, or rpc/function
	query  url.Values
	prefer string
	body   any
	count  *int // filled with the number of rows, when prefer has count=exact
}

// refusal is an answer that says no.
type refusal struct {
	Status  int    `json:"-"`
	Code    string `json:"code"` // SQLSTATE or PostgREST's own
	Message string `json:"message"`
	Details string `json:"details"`
}

func (r *refusal) Error() string {
	text := r.Message
	if text == "" {
		text = http.StatusText(r.Status)
	}
	if r.Code != "" {
		text += " (" + r.Code + ")"
	}
	return strings.Join(strings.Fields(text), " ")
}

// is tells whether err is a refusal with one of these codes.
func is(err error, codes ...string) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, c := range codes {
		if r.Code == c {
			return true
		}
	}
	return false
}

// Codes that are asked for.
const (
	undefinedColumn = "42703"
	undefinedTable  = "PGRST205"
	noSuchSchema    = "PGRST106"
	noSuchRole      = "42501"
	tokenInvalid    = "PGRST301"
	tokenMissing    = "PGRST302"
	tokenExpired    = "PGRST303"
)

const (
	tries       = 6
	onceWithin  = 15 * time.Second // of one try
	firstPause  = 250 * time.Millisecond
	longestWait = 30 * time.Second // that a server may ask for
	mostAnswer  = 64 << 20
)

// do sends the request until there is an answer. Every request here may be sent again: what it writes is the same row the second time.
func (s *Store) do(ctx context.Context, doing string, c call, into any) error {
	var body []byte
	if c.body != nil {
		var err error
		if body, err = json.Marshal(c.body); err != nil {
			return fmt.Errorf("cannot %s: %w", doing, err)
		}
	}
	pause := s.pause
	for try := 1; ; try++ {
		answer, wait, err := s.once(ctx, c, body)
		if err == nil && into != nil {
			// A proxy's 200 with half a body is no answer either.
			if err = json.Unmarshal(answer, into); err != nil {
				err, wait = fmt.Errorf("half an answer: %w", err), 1
			}
		}
		if err == nil || wait == 0 || try == tries || ctx.Err() != nil {
			return s.trouble(ctx, doing, err)
		}
		wait = max(wait, pause/2+rand.N(pause))
		pause *= 2
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return s.trouble(ctx, doing, err)
		}
	}
}

// once sends the request. With an error, wait is how long to wait at least before it is sent again; 0: that would change nothing.
func (s *Store) once(ctx context.Context, c call, body []byte) (answer []byte, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, onceWithin)
	defer cancel()
	at := s.base + c.path
	if len(c.query) > 0 {
		at += "?" + c.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, c.method, at, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	s.headers(r.Header, c)
	res, err := s.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which stands in the message already
		}
		return nil, 1, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	switch {
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return nil, retryAfter(res.Header), refusalOf(res.StatusCode, answer)
	case err != nil:
		return nil, 1, fmt.Errorf("the connection was cut: %w", err)
	case res.StatusCode >= 300:
		return nil, 0, refusalOf(res.StatusCode, answer)
	}
	if c.count != nil {
		_, total, _ := strings.Cut(res.Header.Get("Content-Range"), "/")
		if *c.count, err = strconv.Atoi(total); err != nil {
			return nil, 0, fmt.Errorf("the number of rows is not told (Content-Range %q)", res.Header.Get("Content-Range"))
		}
	}
	return answer, 0, nil
}

func (s *Store) headers(h http.Header, c call) {
	h.Set("apikey", s.anon)
	// A key that is no JWT is no bearer's token: the gateway makes one of the apikey.
	if jwt(s.role) {
		h.Set("Authorization", "Bearer "+s.role)
	} else {
		h.Set("apikey", s.role)
	}
	h.Set("Accept-Profile", "flows")
	if c.method != http.MethodGet {
		h.Set("Content-Profile", "flows")
		h.Set("Content-Type", "application/json")
	}
	if c.prefer != "" {
		h.Set("Prefer", c.prefer)
	}
}

func jwt(key string) bool { return strings.Count(key, ".") == 2 }

func refusalOf(status int, answer []byte) *refusal {
	r := &refusal{Status: status}
	_ = json.Unmarshal(answer, r) // a proxy answers in HTML
	r.Status = status
	return r
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 1
	}
	return min(time.Duration(seconds)*time.Second, longestWait)
}

// trouble says what is wrong and what to do, in one line and without keys.
func (s *Store) trouble(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	var r *refusal
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return flows.Errorf(flows.Cancelled, "%s: cannot %s: %w", s.name, doing, err)
	case is(err, tokenExpired):
		return flows.Errorf(flows.Database, "%s: the role key has expired; make a new one and set %s: %w", s.name, s.roleSetting, err)
	case errors.As(err, &r) && r.Status == http.StatusUnauthorized:
		return flows.Errorf(flows.Database, "%s: the keys are not accepted; check %s and %s: %w", s.name, s.anonSetting, s.roleSetting, err)
	case is(err, noSuchSchema):
		return flows.Errorf(flows.Database, "%s: schema flows is not exposed; add it to the exposed schemas in the project's API settings: %w", s.name, err)
	case is(err, noSuchRole):
		return flows.Errorf(flows.Database, "%s: the role of %s may not %s; it needs the rights of role flows: %w", s.name, s.roleSetting, doing, err)
	}
	return &flows.Error{Code: flows.Database, Refused: errors.As(err, &r) && refusesData(r), Err: fmt.Errorf("%s: cannot %s: %w", s.name, doing, err)}
}

// refusesData tells that it is the values that are wrong, SQL's classes 22 and 23, and not the way to the database.
func refusesData(r *refusal) bool {
	return r.Status < 500 && len(r.Code) == 5 && (strings.HasPrefix(r.Code, "22") || strings.HasPrefix(r.Code, "23"))
}
