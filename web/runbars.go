package web

import (
	"fmt"
	"strings"

	"flows"
)

// runBars are runs as bars, drawn in units of a pixel: the height is meters, the upper part those that did not come out healthy.
type runBars struct {
	Width, Height float64
	Most          int
	Bars          []runBar
	Left          bool // there are more than are drawn
}

type runBar struct {
	X, Width, Good, GoodY, Bad, BadY float64
	Path, Title                      string
	Open                             bool
}

const (
	mostBars   = 96 // of 48 hours: more than an hourly and all other runs have
	barsHeight = 64.0
	barsWidth  = 960.0
	widestBar  = 18.0
)

// drawRuns draws runs, the oldest first.
func drawRuns(runs []flows.RunReport, c clock) runBars {
	b := runBars{Width: barsWidth, Height: barsHeight, Left: len(runs) >= mostBars}
	for _, r := range runs {
		b.Most = max(b.Most, r.Meters)
	}
	step := min(barsWidth/float64(max(1, len(runs))), widestBar)
	b.Width = max(step*float64(len(runs)), 1)
	for i, r := range runs {
		scale := (barsHeight - 4) / float64(max(1, b.Most))
		bar := runBar{X: step * float64(i), Width: max(step-2, 1), Good: float64(r.Healthy) * scale, Path: runPath(r.ID), Title: runTitle(r, c), Open: r.Finished.IsZero()}
		bar.Bad = float64(r.Unhealthy+r.NotDone) * scale
		if r.Missed { // a mark as high as the others, that one sees it
			bar.Bad = barsHeight - 4
		}
		bar.GoodY, bar.BadY = barsHeight-bar.Good, barsHeight-bar.Good-bar.Bad
		b.Bars = append(b.Bars, bar)
	}
	return b
}

func runPath(id int64) string { return fmt.Sprintf("/runs/%d", id) }

// runTitle says all that a bar shows.
func runTitle(r flows.RunReport, c clock) string {
	due := c.Exact(r.Scheduled).Text
	if r.Missed {
		return fmt.Sprintf("%s run of %s: missed, nobody was there to run it", r.Frequency, due)
	}
	text := fmt.Sprintf("%s run of %s: %d of %d healthy", r.Frequency, due, r.Healthy, r.Meters)
	var reasons []string
	for _, reason := range r.Reasons[:min(3, len(r.Reasons))] {
		reasons = append(reasons, fmt.Sprintf("%d %s", reason.Count, reason.Code))
	}
	if len(reasons) > 0 {
		text += "; " + strings.Join(reasons, ", ")
	}
	return text
}
