package web

import (
	"context"
	"time"

	"flows"
)

// runShelf is that part of the shelf.
type runShelf struct {
	runs      []flows.RunReport // newest first
	runMeters []flows.RunMeter
	runQuery  flows.RunQuery
}

func (s *runShelf) RunLines(_ context.Context, q flows.RunQuery) (list []flows.Run, err error) {
	s.runQuery = q
	for _, r := range s.runs {
		list = append(list, r.Run)
	}
	return list[:min(len(list), q.Limit)], nil
}

func (s *runShelf) RunBars(_ context.Context, _ string, since time.Time, limit int) (list []flows.RunReport, err error) {
	for _, r := range s.runs {
		if r.Scheduled.After(since) && len(list) < limit {
			list = append([]flows.RunReport{r}, list...)
		}
	}
	return list, nil
}

func (s *runShelf) RunPage(_ context.Context, id int64) (flows.RunReport, error) {
	for _, r := range s.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return flows.RunReport{}, &flows.NoRun{ID: id}
}

func (s *runShelf) RunMeters(_ context.Context, q flows.RunMeterQuery) (list []flows.RunMeter, err error) {
	for _, m := range s.runMeters {
		if q.Code == "" || m.Code == q.Code {
			list = append(list, m)
		}
	}
	return list[:min(len(list), q.Limit)], nil
}
