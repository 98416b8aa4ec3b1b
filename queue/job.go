package queue

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"flows"
)

// MeterSyncAll lists the due meters of a run.
type MeterSyncAll struct {
	Run int64 `json:"run"`
}

// Kind is River's.
func (MeterSyncAll) Kind() string { return "meter_sync_all" }

// InsertOpts is River's.
func (MeterSyncAll) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: listQueue} }

// MeterSync reads one meter at one frequency. There is one of a meter and frequency at a time, waiting or running.
type MeterSync struct {
	Meter     string          `json:"meter" river:"unique"` // id
	Frequency flows.Frequency `json:"frequency" river:"unique"`
	Run       int64           `json:"run"` // 0 = a person asked
	Scheduled time.Time       `json:"scheduled,omitzero"`
}

// Kind is River's.
func (MeterSync) Kind() string { return "meter_sync" }

// InsertOpts is River's. A completed job must not stand in the way of the next, so the states are named.
func (m MeterSync) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: meterQueue, Priority: priority(m), MaxAttempts: 10,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled, rivertype.JobStateRunning, rivertype.JobStateRetryable,
		}},
	}
}

// Names of River's queues.
const (
	listQueue  = "schedule"
	meterQueue = "meters"
)

// priority: a person before the schedule, and hours before days, which have the longer batches.
func priority(m MeterSync) int {
	switch {
	case m.Run == 0:
		return 1
	case m.Frequency == flows.Hourly:
		return 2
	}
	return 3
}

// retryPolicy is for jobs that failed through no meter's doing: the database was away, a worker was killed.
type retryPolicy struct{}

func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	pause := min(time.Second<<min(job.Attempt, 6), time.Minute)
	return time.Now().Add(pause/2 + rand.N(pause/2))
}

// quieter keeps what River says of its everyday life out of the log.
func quieter(l *slog.Logger) *slog.Logger { return slog.New(atLeast{l.Handler(), slog.LevelWarn}) }

type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}
