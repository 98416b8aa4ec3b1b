package supabase

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"flows"
)

// parallel is how many meters of a save are written at a time.
const parallel = 8

const (
	onlyNew = "return=minimal,resolution=ignore-duplicates"
	minimal = "return=minimal"
	// A PATCH that matched nothing is a success as well, so the rows are asked for.
	rowsBack = "return=representation"
)

// Save stores what runs found out. Of results that were not judged only the log is written, and so it is of meters that have been deleted
// or exchanged since. Saving the same results again stores nothing twice.
func (s *Store) Save(ctx context.Context, results []flows.Result) error {
	judged := slices.DeleteFunc(slices.Clone(results), func(r flows.Result) bool { return r.Health == flows.NeverRun })
	judged, err := s.unchanged(ctx, judged)
	if err != nil {
		return err
	}
	if judged, err = s.registered(ctx, judged); err != nil {
		return err
	}
	if err := s.saveEvents(ctx, judged); err != nil {
		return err
	}
	if err := s.saveMeters(ctx, judged); err != nil {
		return err
	}
	return s.saveLog(ctx, results)
}

// unchanged leaves out the meters that are no longer the ones that were asked.
func (s *Store) unchanged(ctx context.Context, results []flows.Result) ([]flows.Result, error) {
	serials := map[string]string{}
	for some := range slices.Chunk(results, inURL) {
		var ids []string
		for _, r := range some {
			ids = append(ids, r.Meter.ID)
		}
		var rows []struct{ ID, Serial string }
		query := url.Values{"select": {"id,serial"}, "id": {"in." + list(ids)}}
		if err := s.do(ctx, "look whether meters were exchanged", call{method: http.MethodGet, path: "meter_registry", query: query}, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			serials[r.ID] = r.Serial
		}
	}
	return slices.DeleteFunc(results, func(r flows.Result) bool { return serials[r.Meter.ID] != r.Meter.Serial }), nil
}

// registered leaves out reads that have no register: the field's triggers fail on them, and ours make registers themselves.
func (s *Store) registered(ctx context.Context, results []flows.Result) ([]flows.Result, error) {
	if s.ours() || len(results) == 0 {
		return results, nil
	}
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.Meter.ID
	}
	registers, err := s.registers(ctx, ids...)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, g := range registers {
		has[g.Meter+g.element()] = true
	}
	for i, r := range results {
		results[i] = r.OnlyOf(has[r.Meter.ID+"A"], has[r.Meter.ID+"B"])
	}
	return results, nil
}

// saveEvents adds the events of all meters; of two with one key the first stays.
func (s *Store) saveEvents(ctx context.Context, results []flows.Result) error {
	type event struct {
		Meter string    `json:"meter_id"`
		Time  time.Time `json:"timestamp"`
		Type  int       `json:"event_type"`
		Set   int       `json:"event_set"`
	}
	var events []event
	for _, r := range results {
		for _, e := range r.Events {
			events = append(events, event{r.Meter.ID, e.Time.UTC(), e.Type, e.Set})
		}
	}
	for some := range slices.Chunk(events, page) {
		c := call{method: http.MethodPost, path: "meter_event_log", query: url.Values{"on_conflict": {"meter_id,timestamp,event_type"}}, prefer: onlyNew, body: some}
		if err := s.do(ctx, "add events", c, nil); err != nil {
			return err
		}
	}
	return nil
}

// saveMeters writes the meters some at a time, a meter's own results in the order of their reading. The first trouble is given back when all
// that had begun have ended.
func (s *Store) saveMeters(ctx context.Context, results []flows.Result) error {
	slices.SortStableFunc(results, func(a, b flows.Result) int {
		return cmp.Or(cmp.Compare(a.Meter.ID, b.Meter.ID), a.ReadAt.Compare(b.ReadAt))
	})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	var mu sync.Mutex
	var first error
	limit := make(chan struct{}, parallel)
	for len(results) > 0 {
		n := slices.IndexFunc(results, func(r flows.Result) bool { return r.Meter.ID != results[0].Meter.ID })
		if n < 0 {
			n = len(results)
		}
		one := results[:n]
		results = results[n:]
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			for i := range one {
				err := ctx.Err()
				if err == nil {
					err = s.saveMeter(ctx, &one[i])
				}
				if err != nil {
					mu.Lock()
					if first == nil {
						first = err
						stop()
					}
					mu.Unlock()
					return
				}
			}
		})
	}
	all.Wait()
	return first
}

// saveMeter writes the registry first: registers are made by the hardware, and reads need them.
func (s *Store) saveMeter(ctx context.Context, r *flows.Result) error {
	doing := "save meter " + r.Meter.Serial
	if err := s.saveRegistry(ctx, doing, r); err != nil {
		return err
	}
	if err := s.saveProfile(ctx, doing, r); err != nil {
		return err
	}
	var rows []struct{ ID string }
	c := call{method: http.MethodPatch, path: "meter_shadows", query: url.Values{"id": {"eq." + r.Meter.ID}, "select": {"id"}}, prefer: rowsBack, body: s.shadow(r)}
	if err := s.do(ctx, doing, c, &rows); err != nil {
		return err
	}
	if len(rows) != 1 {
		return &flows.Error{Code: flows.Database, Refused: true, Err: fmt.Errorf("%s: cannot %s: it has no row in meter_shadows", s.name, doing)}
	}
	return nil
}

func (s *Store) saveRegistry(ctx context.Context, doing string, r *flows.Result) error {
	row := map[string]any{}
	s.put(row, "meter_registry", "frame_address", r.Registry.FrameAddress != nil, r.Registry.FrameAddress)
	s.put(row, "meter_registry", "firmware_version", r.Registry.FirmwareVersion != nil, clean(r.Registry.FirmwareVersion))
	s.put(row, "meter_registry", "prepay_enabled", r.Registry.PrepayEnabled != nil, r.Registry.PrepayEnabled)
	s.put(row, "meter_registry", "daylight_savings_correction_enabled", r.Registry.DaylightSavings != nil, r.Registry.DaylightSavings)
	patches := []call{{query: url.Values{"id": {"eq." + r.Meter.ID}}, body: row}}
	if r.Registry.Hardware != nil {
		// Another hardware than the registry's is reported by the run; only a person corrects it.
		filled := call{query: url.Values{"id": {"eq." + r.Meter.ID}, "hardware": {"is.null"}}, body: map[string]any{"hardware": clean(r.Registry.Hardware)}}
		patches = append([]call{filled}, patches...)
	}
	for _, c := range patches {
		if len(c.body.(map[string]any)) == 0 {
			continue
		}
		c.method, c.path, c.prefer = http.MethodPatch, "meter_registry", minimal
		if err := s.do(ctx, doing, c, nil); err != nil {
			return err
		}
	}
	return nil
}

// put sets a column that is there and was read.
func (s *Store) put(row map[string]any, table, column string, read bool, value any) {
	if read && s.has(table, column) {
		row[column] = value
	}
}

// shadow is the row's columns that were read, numbers exact. A column that was not read must not be there at all: it would fire its trigger and
// store the old value as a new reading.
func (s *Store) shadow(r *flows.Result) map[string]any {
	v := &r.Shadow
	row := map[string]any{"health": string(r.Health), "health_details": clean(&r.Details)}
	put := func(column string, read bool, value any) { s.put(row, "meter_shadows", column, read, value) }
	for column, e := range map[string]*flows.Energy{"import_a": v.ImportA, "import_b": v.ImportB, "export_a": v.ExportA, "export_b": v.ExportB} {
		put(column, e != nil, number(e))
	}
	for column, e := range map[string]*flows.Voltage{"voltage": v.Voltage, "3p_voltage_l1": v.VoltageL1, "3p_voltage_l2": v.VoltageL2, "3p_voltage_l3": v.VoltageL3} {
		put(column, e != nil, number(e))
	}
	put("balance", v.Balance != nil, number(v.Balance))
	put("csq", v.CSQ != nil || r.NoCSQ, v.CSQ)
	put("clock_time_diff_seconds", v.ClockDiff != nil, v.ClockDiff)
	put("clock_time_diff_synced_at", v.ClockDiffAt != nil, moment(v.ClockDiffAt))
	put("tariffs_active", len(v.TariffsActive) > 0, v.TariffsActive)
	put("tariffs_future", len(v.TariffsFuture) > 0, v.TariffsFuture)
	put("backlight", v.Backlight != nil, clean(v.Backlight))
	put("load_switch", v.LoadSwitch != nil, clean(v.LoadSwitch))
	put("read_at", !r.ReadAt.IsZero(), moment(&r.ReadAt))
	if r.NoCSQ {
		row["csq"] = nil
	}
	return row
}

// number is exact: JSON's numbers are decimal, and PostgREST hands them on as they are.
func number[Q interface{ String() string }](q *Q) any {
	if q == nil {
		return nil
	}
	return json.Number((*q).String())
}

// moment is a time as PostgreSQL keeps it: the same time must always become the same row.
func moment(t *time.Time) any {
	if t == nil || t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.999999Z")
}

// clean drops what PostgreSQL cannot store in a text.
func clean(s *string) any {
	if s == nil {
		return nil
	}
	return strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "")
}

// saveLog adds a row a meter and run where there is a table for it.
func (s *Store) saveLog(ctx context.Context, results []flows.Result) error {
	if !s.hasTable("meter_sync_log") {
		return nil
	}
	rows := make([]map[string]any, len(results))
	for i := range results {
		r := &results[i]
		at := moment(&r.Scheduled)
		if at == nil {
			at = moment(&r.ReadAt)
		}
		all := make([]flows.Outcome, len(r.Outcomes))
		for k, o := range r.Outcomes {
			o.Metric, o.Object, o.Reason = clean(&o.Metric).(string), clean(&o.Object).(string), clean(&o.Reason).(string)
			all[k] = o
		}
		rows[i] = map[string]any{"meter_id": r.Meter.ID, "timestamp": at, "run_id": r.Run, "frequency": r.Frequency, "verdict": r.Verdict(),
			"read_at": moment(&r.ReadAt), "duration_ms": r.Duration.Milliseconds(), "error_code": filled(string(r.Code)), "error_object": filled(r.Object),
			"details": clean(&r.Details), "outcomes": all}
	}
	for some := range slices.Chunk(rows, page) {
		c := call{method: http.MethodPost, path: "meter_sync_log", query: url.Values{"on_conflict": {"meter_id,timestamp,run_id"}}, prefer: onlyNew, body: some}
		if err := s.do(ctx, "add to the log of runs", c, nil); err != nil {
			return err
		}
	}
	return nil
}

// filled is null for a text that says nothing.
func filled(text string) any {
	if text == "" {
		return nil
	}
	return clean(&text)
}
