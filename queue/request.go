package queue

import (
	"context"

	"flows"
)

// Request has one meter read now, before all that the schedule wants. A job that waits already is put in front; one that runs is what
// was asked for.
func (q *Queue) Request(ctx context.Context, meter string, f flows.Frequency) error {
	res, err := q.client.Insert(ctx, MeterSync{Meter: meter, Frequency: f}, nil)
	if err != nil {
		return flows.Errorf(flows.Database, "queue: cannot ask for the meter: %w", err)
	}
	if res.UniqueSkippedAsDuplicate {
		return q.store.Hurry(ctx, res.Job.ID)
	}
	return nil
}
