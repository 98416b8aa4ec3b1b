package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"flows"
)

// printStatus says first what a person must do, then what there is.
func printStatus(w io.Writer, s flows.Status, needs []flows.Need) error {
	if len(needs) == 0 {
		fmt.Fprintln(w, "● Nothing needs a person.")
	}
	for _, n := range needs {
		fmt.Fprintln(w, "▲ "+printable(strings.ToUpper(n.Text[:1])+n.Text[1:]))
	}
	fmt.Fprintln(w)
	about := fmt.Sprintf("%s (UTC)", s.Time.UTC().Format("2006-01-02 15:04"))
	if s.ESCO != "" {
		about += ", ESCO " + s.ESCO
	}
	for _, line := range slices.Concat([][2]string{
		{"As of", about}, {"Meters", metersLine(s.Meters)}, {"Freshness", freshnessLine(s.Freshness)}, {"Success", successLine(s.Success)},
		{"Failing", failingLine(s)}, {"To look at", looksLine(s.Meters)},
	}, halfHoursLines(s.HalfHours), [][2]string{
		{"Schedule", scheduleLine(s)}, {"Queue", queueLine(s)}, {"Database", storageLine(s.Database)},
	}) {
		fmt.Fprintf(w, "%-10s %s\n", line[0], line[1])
	}
	return printRuns(w, s)
}

func metersLine(m flows.MeterCounts) string {
	line := fmt.Sprintf("%d active: %d healthy, %d unhealthy, %d never run", m.Active, m.Healthy, m.Unhealthy, m.NeverRun)
	if m.NoAddress > 0 {
		line += fmt.Sprintf(" (%d without an address)", m.NoAddress)
	}
	return line + fmt.Sprintf("; %d passive, %d under maintenance", m.Passive, m.Maintenance)
}

func freshnessLine(f flows.Freshness) string {
	line := "no meter has been healthy yet"
	if f.Meters > 0 {
		line = fmt.Sprintf("half of the meters were healthy within %s, 95 %% within %s", within(f.P50), within(f.P95))
		if f.Never > 0 {
			line += fmt.Sprintf("; %d never", f.Never)
		}
	}
	return line
}

func within(seconds int64) string { return flows.Span(time.Duration(seconds) * time.Second) }

func successLine(r flows.Rate) string {
	if r.Of == 0 {
		return "no run in the last 24 h"
	}
	return fmt.Sprintf("%s in the last 24 h: %d of %d readings", r, r.Healthy, r.Of)
}

func failingLine(s flows.Status) string {
	return fmt.Sprintf("%d meters not healthy for a day and more", s.FailingMeters())
}

func looksLine(m flows.MeterCounts) string {
	line := ""
	for i, l := range m.Looks() {
		if i > 0 {
			line += ", "
		}
		line += fmt.Sprintf("%d %s", l.Count, l.Text)
	}
	return cmp.Or(line, "nothing")
}

func halfHoursLines(h *flows.HalfHours) [][2]string {
	if h == nil {
		return [][2]string{{"Half-hours", "none judged yet: metric SyncerProfileLog brings them, 12hourly by default"}}
	}
	return [][2]string{{"Half-hours", yesterdayLine(*h)}, {"Exceptions", exceptionsLine(h.Exceptions)}, {"Gaps", gapsLine(*h)}}
}

func yesterdayLine(h flows.HalfHours) string {
	if h.Meters == 0 {
		return "no active meter had a register yesterday"
	}
	line := fmt.Sprintf("yesterday (%s): %d of %d meters complete", strings.Join(h.Days, ", "), h.Complete, h.Meters)
	if n := h.Meters - h.Judged; n > 0 {
		line += fmt.Sprintf(", %d not judged since it ended", n)
	}
	return line + fmt.Sprintf("; %d of %d half-hours estimated (%s), %d not known", h.Estimated, h.Expected, flows.Rate{Healthy: h.Estimated, Of: h.Expected}, h.Unknown)
}

func exceptionsLine(list []flows.OpenExceptions) string {
	line, all := "", 0
	for i, x := range list {
		if i > 0 {
			line += ", "
		}
		line += fmt.Sprintf("%d %s", x.Count, x.Rule)
		if i+1 == len(list) || list[i+1].Severity != x.Severity {
			line += fmt.Sprintf(" (%s)", x.Severity)
		}
		all += x.Count
	}
	if all == 0 {
		return "none open"
	}
	return fmt.Sprintf("%d open: %s", all, line)
}

func gapsLine(h flows.HalfHours) string {
	g := h.Gaps
	all := g.NeverReached + g.NotLogged + g.Invalid
	days := int(flows.GapsWithin.Hours() / 24)
	line := fmt.Sprintf("none in the last %d days", days)
	if all > 0 {
		line = fmt.Sprintf("%d in the last %d days, of a register, direction and day each: %d never reached, %d not logged by the meter, %d marked invalid by the meter",
			all, days, g.NeverReached, g.NotLogged, g.Invalid)
	}
	if o := h.OldestGap; o != nil {
		line += fmt.Sprintf("; the oldest that is asked for again: %s, %d half-hours of %s %s %s", o.Day, o.HalfHours, o.Serial, o.Element, o.Direction)
	}
	return line
}

func scheduleLine(s flows.Status) string {
	if len(s.Ticks) == 0 {
		return "none: flows serve has made no run"
	}
	var last []string
	for _, t := range s.Ticks {
		text := string(t.Frequency) + " " + s.Clock(t.Last)
		if t.ESCO != "" {
			text += " of ESCO " + t.ESCO
		}
		last = append(last, text)
	}
	return fmt.Sprintf("last ticks %s; %d missed in the last 24 h", strings.Join(last, ", "), s.Missed())
}

func queueLine(s flows.Status) string {
	line := fmt.Sprintf("%d waiting, %d running", s.Jobs.Waiting, s.Jobs.Running)
	if !s.Jobs.Oldest.IsZero() {
		line += "; the oldest has waited " + flows.Span(s.Time.Sub(s.Jobs.Oldest)) + " since " + s.Clock(s.Jobs.Oldest)
	}
	return line
}

func storageLine(d flows.Storage) string {
	line := size(d.Bytes)
	switch {
	case d.Growth == nil:
		line += ", growth not known before there are runs a day apart"
	case *d.Growth <= 0:
		line += ", not growing"
	default:
		line += fmt.Sprintf(", %s more a day", size(*d.Growth))
	}
	switch {
	case d.Free == nil:
		line += ", free space not known: set FLOWS_DATABASE_DISK_GB"
	case d.DaysLeft == nil:
		line += fmt.Sprintf(", %s free", size(*d.Free))
	case *d.DaysLeft > 3*365:
		line += fmt.Sprintf(", %s free: enough for years", size(*d.Free))
	default:
		line += fmt.Sprintf(", %s free: full in %d days", size(*d.Free), *d.DaysLeft)
	}
	return line
}

// printRuns shows unfinished runs too; a long standstill has many.
func printRuns(w io.Writer, s flows.Status) error {
	const most = 5
	shown := slices.Concat(s.Runs, s.Unfinished[max(0, len(s.Unfinished)-most):])
	if len(shown) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	heads := []string{"RUN", "ESCO", "DUE", "TOOK", "METERS", "HEALTHY", "UNHEALTHY", "SKIPPED", "NOT DONE", "SUCCESS"}
	var rows [][]string
	for _, r := range shown {
		row := []string{string(r.Frequency), dash(r.ESCO), flows.Span(s.Time.Sub(r.Scheduled)) + " ago (" + s.Clock(r.Scheduled) + ")", took(r.Run)}
		for _, n := range []int{r.Meters, r.Healthy, r.Unhealthy, r.Skipped, r.NotDone} {
			row = append(row, fmt.Sprintf("%*d", len(heads[len(row)]), n))
		}
		rows = append(rows, append(row, fmt.Sprintf("%7s", r.Success)))
	}
	if err := table(w, heads, rows); err != nil {
		return err
	}
	if n := len(s.Unfinished) - most; n > 0 {
		fmt.Fprintf(w, "and %d older ones that have not finished\n", n)
	}
	for _, r := range shown {
		if len(r.Reasons)+len(r.SkipReasons) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nNot healthy in the %s run of %s:\n", r.Frequency, s.Clock(r.Scheduled))
		for _, why := range r.Reasons {
			fmt.Fprintf(w, "  %4d  %-15s %s  (%s)\n", why.Count, dash(string(why.Code)), printable(why.Text), why.Few())
		}
		for _, why := range slices.Sorted(maps.Keys(r.SkipReasons)) {
			fmt.Fprintf(w, "  %4d  %-15s %s\n", r.SkipReasons[why], "skipped", why)
		}
	}
	return nil
}

func took(r flows.Run) string {
	switch {
	case !r.Finished.IsZero() && !r.Started.IsZero():
		return flows.Span(r.Finished.Sub(r.Started))
	case !r.Finished.IsZero():
		return "-"
	case r.Started.IsZero():
		return "not begun"
	}
	return "running"
}
