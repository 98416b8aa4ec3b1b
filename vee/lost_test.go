package vee

import (
	"testing"
	"time"

	"flows"
)

// Register reads serve where the log is lost, and nowhere else. A half-hour that is lost in part is lost.
func TestRegisterReadsServeNowhereElse(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name     string
		from, to int
		rows     string
	}{
		{"from a half-hour on", 60, 600, "10, null MISSING, 20 derived interpolation, 30 derived interpolation, 40 derived interpolation"},
		{"up to a half-hour", 0, 90, "10, 10 derived interpolation, 20 derived interpolation, null MISSING, null MISSING"},
		{"in the middle of one", 70, 80, "10, null MISSING, 20 derived interpolation, null MISSING, null MISSING"},
		{"up to the middle of one", 0, 40, "10, 10 derived interpolation, null MISSING, null MISSING, null MISSING"},
		{"from the middle of the last on", 130, 600, "10, null MISSING, null MISSING, null MISSING, 40 derived interpolation"},
	} {
		in := tell(start, "0 10 - - - -")
		in.Reads = readsAt(start, []int{60, 90, 120, 150}, []Count{20, 40, 70, 110})
		in.Span.To = at(150)
		in.Register.Lost = []flows.Period{{From: at(c.from), To: at(c.to)}}
		if got := rows(Judge(in).Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

// What a break between register reads touches is withdrawn, and holds no energy that a rule could find.
func TestABreakBetweenRegisterReads(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 10")
	in.Register.Direction, in.Register.NoExport = flows.Export, true
	in.Register.Lost = []flows.Period{{From: mustTime(start).Add(30 * time.Minute)}}
	in.Reads = readsAt(start, []int{60, 120}, []Count{500000, 500060})
	r := Judge(in)
	withdrawn := ""
	for _, row := range r.Intervals {
		withdrawn += map[bool]string{true: "x", false: "."}[row.Withdraws]
	}
	if got, want := rows(r.Intervals), "10, null MAX_ENERGY, 30 derived interpolation, 30 derived interpolation"; got != want || withdrawn != ".x.." {
		t.Errorf("got %s, withdrawn %s", got, withdrawn)
	}
	if got, want := found(r.Exceptions, flows.RuleMaxEnergy, flows.RuleReverseEnergy), "REVERSE_ENERGY warning ×3, MAX_ENERGY critical ×1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Between register reads that are far apart the energy goes by like days, and flat when those used nothing.
func TestReadsFarApartInALostLog(t *testing.T) {
	midnight := mustTime("2024-06-02T23:00:00Z")
	at := func(hour int) time.Time { return midnight.AddDate(0, 0, 7).Add(time.Duration(hour) * time.Hour) }
	for _, c := range []struct {
		name   string
		before Count // a half-hour before 8:00; three times as much after it
		want   string
		method flows.Method
	}{
		{"like days", 100, "10, 10, 10, 10, 30, 30, 30, 30", flows.LikeDay},
		{"nothing on like days", 0, "20, 20, 20, 20, 20, 20, 20, 20", flows.Flat},
	} {
		in := weeks(midnight, 7, func(_, half int) Count {
			if half < 16 {
				return c.before
			}
			return 3 * c.before
		})
		last := in.Records[len(in.Records)-1].Value
		in.Register.Lost = []flows.Period{{From: at(0)}}
		in.Reads = []Read{{at(6), last + 1200, 0}, {at(10), last + 1360, 0}}
		in.Span = flows.Period{From: at(6), To: at(10)}
		var got []flows.Interval
		for _, row := range Judge(in).Intervals {
			if row.Start.Before(at(6)) || !row.Start.Before(at(10)) {
				continue
			}
			if row.Quality != flows.Estimated || row.Method != c.method {
				t.Errorf("%s: %s by %s", c.name, row.Quality, row.Method)
			}
			row.Quality, row.Method, row.Reason = flows.Actual, "", ""
			got = append(got, row)
		}
		if rows(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, rows(got), c.want)
		}
	}
}
