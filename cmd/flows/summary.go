package main

import (
	"fmt"
	"io"
	"time"

	"flows/syncer"
)

// printSummary tells people what a run came to.
func printSummary(w io.Writer, s syncer.Summary) {
	fmt.Fprintf(w, "%s run: %d meters in %s: %d healthy, %d unhealthy", s.Frequency, s.Meters,
		s.Finished.Sub(s.Started).Round(10*time.Millisecond), s.Healthy, s.Unhealthy)
	if s.Skipped > 0 {
		fmt.Fprintf(w, ", %d skipped", s.Skipped)
	}
	if s.NotDone > 0 {
		fmt.Fprintf(w, ", %d not done", s.NotDone)
	}
	fmt.Fprintln(w)
	for _, r := range s.Reasons {
		fmt.Fprintf(w, "  %4d  %-15s %s  (%s)\n", r.Count, r.Code, r.Text, r.Few())
	}
	for _, r := range s.Notes {
		fmt.Fprintf(w, "  %4d  note            %s  (%s)\n", r.Count, r.Text, r.Few())
	}
}
