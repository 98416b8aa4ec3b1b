package web

import (
	"cmp"
	"fmt"
	"strings"

	"flows"
)

// runBars are runs as bars, drawn in units of a pixel: the height is meters, from below those that are healthy, those that are not, and those
// that were skipped or are waited for.
type runBars struct {
	Width, Height float64
	Most          int
	Bars          []runBar
	Left          int // how many runs are drawn when there are more; 0 = all are
}

type runBar struct {
	X, Width    float64
	Path, Title string
	Pieces      []barPiece
}

// barPiece is a rectangle of a class.
type barPiece struct {
	Class     string
	Y, Height float64
}

const (
	drawnBars   = 96            // of 48 hours: more than hourly and all other runs of one schedule are
	mostBars    = drawnBars + 1 // one more, to know that there are
	barsHeight  = 64.0
	barsWidth   = 960.0
	widestBar   = 18.0
	lowestPiece = 2.0 // that one sees it
)

// drawRuns draws runs, the oldest first.
func drawRuns(runs []flows.RunReport, c clock) runBars {
	b := runBars{Height: barsHeight}
	if more := len(runs) - drawnBars; more > 0 {
		runs, b.Left = runs[more:], drawnBars
	}
	for _, r := range runs {
		b.Most = max(b.Most, r.Meters)
	}
	step := min(barsWidth/float64(max(1, len(runs))), widestBar)
	b.Width = min(barsWidth, step*float64(len(runs)))
	for i, r := range runs {
		b.Bars = append(b.Bars, runBar{step * float64(i), step - 2, runPath(r.ID), runTitle(r, c), pieces(r, b.Most)})
	}
	return b
}

// pieces of a bar, from below. Most is what the highest bar has.
func pieces(r flows.RunReport, most int) (list []barPiece) {
	const room = barsHeight - 3*lowestPiece
	if r.Missed { // no meters, but one must see it
		return []barPiece{{"missed", barsHeight - room, room}}
	}
	well := "well"
	if r.Finished.IsZero() {
		well = "well open"
	}
	failed := r.Unhealthy + r.NotDone
	y := barsHeight
	for _, piece := range []struct {
		class string
		count int
	}{{well, r.Healthy}, {"ill", failed}, {"rest", r.Meters - r.Healthy - failed}} {
		if piece.count > 0 {
			height := max(lowestPiece, room*float64(piece.count)/float64(most))
			y -= height
			list = append(list, barPiece{piece.class, y, height})
		}
	}
	return list
}

func runPath(id int64) string { return fmt.Sprintf("/runs/%d", id) }

// runTitle says all that a bar shows.
func runTitle(r flows.RunReport, c clock) string {
	text := fmt.Sprintf("%s run of %s, %s: ", r.Frequency, cmp.Or(r.ESCO, "all meters"), c.Exact(r.Scheduled).Text)
	if r.Missed {
		return text + "missed, nobody was there to run it"
	}
	text += fmt.Sprintf("%d of %d healthy", r.Healthy, r.Meters)
	for _, n := range []struct {
		count int
		words string
	}{{r.Unhealthy, "unhealthy"}, {r.NotDone, "not done"}, {r.Skipped, "skipped"}} {
		if n.count > 0 {
			text += fmt.Sprintf(", %d %s", n.count, n.words)
		}
	}
	if r.Finished.IsZero() {
		text += ", not finished"
	}
	var reasons []string
	for _, reason := range r.Reasons[:min(3, len(r.Reasons))] {
		reasons = append(reasons, fmt.Sprintf("%d %s", reason.Count, cmp.Or(reason.Code, "without a code")))
	}
	if len(reasons) > 0 {
		text += "; " + strings.Join(reasons, ", ")
	}
	return text
}
