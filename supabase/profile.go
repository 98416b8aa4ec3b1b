package supabase

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"flows"
)

// record is a row of register_profile_hh, and of register_profile_conflict.
type record struct {
	Register  string          `json:"register_id"`
	Direction flows.Direction `json:"direction"`
	Time      string          `json:"timestamp"`
	Read      any             `json:"read"`
	Status    int             `json:"status"`
	Received  any             `json:"received_at"`

	at   time.Time
	read flows.Energy
}

const recordKey = "register_id,direction,timestamp"

// saveProfile adds the half-hourly records and holes and moves the marks of their registers. The first record of a time stays; what says
// something else of that time is kept beside it. The database makes the exact intervals, and half-hours are judged where DATABASE_URL is.
func (s *Store) saveProfile(ctx context.Context, doing string, r *flows.Result) error {
	if len(r.Profile)+len(r.Holes) == 0 || !s.logs() {
		return nil
	}
	registers, err := s.registers(ctx, r.Meter.ID)
	if err != nil {
		return err
	}
	of, ids := map[string]string{}, []string{}
	for _, g := range registers {
		of[g.element()] = g.ID
		ids = append(ids, g.ID)
	}
	if err := s.saveHoles(ctx, doing, r, of); err != nil {
		return err
	}
	if err := s.saveRecords(ctx, doing, records(r, of)); err != nil {
		return err
	}
	// Only what the schedule fetches begins a mark, and nothing else comes here.
	body := map[string]any{"registers": ids, "begin_marks": true}
	return s.do(ctx, doing, call{method: http.MethodPost, path: "rpc/register_profile_advance", prefer: minimal, body: body}, nil)
}

// records are those of enabled registers, sorted, since an unbroken run costs the database as much as one row.
func records(r *flows.Result, of map[string]string) (rows []record) {
	received := r.ReadAt.Add(r.Duration)
	for _, p := range r.Profile {
		if of[p.Element] == "" {
			continue
		}
		at := p.Time
		rows = append(rows, record{Register: of[p.Element], Direction: p.Direction, Time: moment(&at).(string), Read: number(&p.Read), Status: int(p.Status),
			Received: moment(&received), at: p.Time, read: p.Read})
	}
	slices.SortStableFunc(rows, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Register, b.Register), cmp.Compare(a.Direction, b.Direction), a.at.Compare(b.at))
	})
	return rows
}

func (s *Store) saveRecords(ctx context.Context, doing string, rows []record) error {
	for some := range slices.Chunk(rows, page) {
		// Of two with one key in one request the first stays.
		c := call{method: http.MethodPost, path: "register_profile_hh", query: url.Values{"on_conflict": {recordKey}}, prefer: onlyNew, body: some}
		if err := s.do(ctx, doing, c, nil); err != nil {
			return err
		}
		if err := s.saveConflicts(ctx, doing, some); err != nil {
			return err
		}
	}
	return nil
}

// saveConflicts keeps what is not what stands there by now.
func (s *Store) saveConflicts(ctx context.Context, doing string, rows []record) error {
	type key struct {
		register  string
		direction flows.Direction
		at        int64
	}
	stored := map[key]record{}
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(r record) bool { return r.Register != rows[0].Register || r.Direction != rows[0].Direction })
		if n < 0 {
			n = len(rows)
		}
		run := rows[:n]
		rows = rows[n:]
		var there []struct {
			At     time.Time   `json:"timestamp"`
			Read   json.Number `json:"read"`
			Status int         `json:"status"`
		}
		query := url.Values{"select": {"timestamp,read,status"}, "register_id": {"eq." + run[0].Register}, "direction": {"eq." + string(run[0].Direction)},
			"and": {`(timestamp.gte."` + run[0].Time + `",timestamp.lte."` + run[n-1].Time + `")`}, "order": {"timestamp"}, "limit": {strconv.Itoa(page)}}
		if err := s.do(ctx, doing, call{method: http.MethodGet, path: "register_profile_hh", query: query}, &there); err != nil {
			return err
		}
		for _, t := range there {
			read, err := flows.ParseEnergy(t.Read.String())
			if err != nil {
				return flows.Errorf(flows.Database, "%s: cannot %s: %w", s.name, doing, err)
			}
			stored[key{run[0].Register, run[0].Direction, t.At.UnixMicro()}] = record{read: read, Status: t.Status}
		}
		var other []record
		for _, r := range run {
			if t, ok := stored[key{r.Register, r.Direction, r.at.UnixMicro()}]; ok && (t.read != r.read || t.Status != r.Status) {
				other = append(other, r)
			}
		}
		if len(other) == 0 {
			continue
		}
		c := call{method: http.MethodPost, path: "register_profile_conflict", query: url.Values{"on_conflict": {recordKey + ",read,status"}}, prefer: onlyNew, body: other}
		if err := s.do(ctx, doing, c, nil); err != nil {
			return err
		}
	}
	return nil
}

// saveHoles adds what the meter's log has shown not to hold; one that is known already may have grown.
func (s *Store) saveHoles(ctx context.Context, doing string, r *flows.Result, of map[string]string) error {
	for _, h := range r.Holes {
		register := of[h.Element]
		if register == "" {
			continue
		}
		from, to := moment(&h.From), moment(&h.To)
		row := map[string]any{"register_id": register, "direction": h.Direction, "start_time": from, "end_time": to}
		add := call{method: http.MethodPost, path: "register_profile_hole", query: url.Values{"on_conflict": {"register_id,direction,start_time"}}, prefer: onlyNew, body: []any{row}}
		if err := s.do(ctx, doing, add, nil); err != nil {
			return err
		}
		grow := call{method: http.MethodPatch, path: "register_profile_hole", prefer: minimal, body: map[string]any{"end_time": to},
			query: url.Values{"register_id": {"eq." + register}, "direction": {"eq." + string(h.Direction)}, "start_time": {"eq." + from.(string)}, "end_time": {"lt." + to.(string)}}}
		if err := s.do(ctx, doing, grow, nil); err != nil {
			return err
		}
	}
	return nil
}
