package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"flows"
)

// seriesView is a value over time as a chart, and as the table behind it.
type seriesView struct {
	flows.Series
	Key, Summary, Last string
	Data               lineData
	Rows               []seriesRow
}

// seriesRow is an hour or a day in the table.
type seriesRow struct {
	From                  told
	Given, NotGiven       int
	Lowest, Highest, Last string
}

type changeRow struct {
	At    told
	State mark
}

const (
	// mostChanges is how many changes of health a page has.
	mostChanges = 50
	// apart is at how many usual distances between readings there is a gap.
	apart = 3
)

// historyOver is so many days up to the end of this hour: what it draws stays the same until there is more to draw.
func historyOver(days int, now time.Time) flows.Period {
	to := now.Truncate(time.Hour).Add(time.Hour)
	return flows.Period{From: to.AddDate(0, 0, -days), To: to}
}

// history fills in the charts, and what the health was.
func (p *pages) history(ctx context.Context, t *meterTab, days int) error {
	period := historyOver(days, t.clock.now)
	list, err := p.MeterSeries(ctx, t.serial, period)
	if err != nil {
		return err
	}
	for i, s := range list {
		v := seriesOf(s, period, t.clock)
		v.Key = "series-" + strconv.Itoa(i)
		t.Series = append(t.Series, v)
	}
	changes, err := p.HealthChanges(ctx, t.serial, period, mostChanges)
	for _, change := range changes {
		t.Changes = append(t.Changes, changeRow{t.clock.Exact(change.At), healthMark(flows.MeterLine{Mode: flows.Active, Address: "known", Health: change.Health})})
	}
	return err
}

// usual is the distance that half of the readings are not farther apart than.
func usual(points []flows.Point) time.Duration {
	var distances []time.Duration
	for i := 1; i < len(points); i++ {
		distances = append(distances, points[i].At.Sub(points[i-1].At))
	}
	if len(distances) == 0 {
		return flows.Hourly.Period()
	}
	slices.Sort(distances)
	return max(distances[len(distances)/2], time.Second)
}

// seriesOf breaks the line where a value was asked for and not given, and where readings are much farther apart than they usually are.
func seriesOf(s flows.Series, p flows.Period, c clock) seriesView {
	v := seriesView{Series: s, Data: lineData{frame: frameOf("line", p, c), Unit: s.Unit, X: []int64{}, Y: []*json.Number{}}}
	step, gaps := usual(s.Points), 0
	add := func(at time.Time, y *json.Number) {
		v.Data.X, v.Data.Y = append(v.Data.X, at.Unix()), append(v.Data.Y, y)
	}
	for i, point := range s.Points {
		if i > 0 && point.At.Sub(s.Points[i-1].At) > apart*step {
			add(s.Points[i-1].At.Add(step), nil)
			gaps++
		}
		if point.Value == "" {
			add(point.At, nil)
			gaps++
		} else {
			add(point.At, new(json.Number(point.Value)))
			v.Last = grouped(point.Value) + thin + s.Unit
		}
	}
	v.rows(p, c)
	v.Summary = fmt.Sprintf("%s, %s, %s; the last is %s", s.Name, plural(len(s.Points), "reading"), plural(gaps, "gap"), cmp.Or(v.Last, "not known"))
	return v
}

// rows are hours of a day, or days of longer.
func (v *seriesView) rows(p flows.Period, c clock) {
	begins := func(t time.Time) time.Time { return t.Truncate(time.Hour) } // zones are whole hours away from UTC
	tell := c.Exact
	if p.To.Sub(p.From) > 24*time.Hour {
		begins = func(t time.Time) time.Time {
			y, m, d := t.In(c.zone).Date()
			return time.Date(y, m, d, 0, 0, 0, 0, c.zone)
		}
		tell = func(t time.Time) told { return c.tell(t.Format(time.DateOnly), t) }
	}
	var from time.Time
	var low, high float64
	for _, point := range v.Points {
		if at := begins(point.At); len(v.Rows) == 0 || !at.Equal(from) {
			from = at
			v.Rows = append(v.Rows, seriesRow{From: tell(at)})
		}
		row := &v.Rows[len(v.Rows)-1]
		n, err := strconv.ParseFloat(point.Value, 64)
		if err != nil {
			row.NotGiven++
			continue
		}
		row.Given++
		row.Last = grouped(point.Value)
		if row.Given == 1 || n < low {
			low, row.Lowest = n, row.Last
		}
		if row.Given == 1 || n > high {
			high, row.Highest = n, row.Last
		}
	}
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}
