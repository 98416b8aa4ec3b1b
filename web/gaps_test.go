package web

import (
	"context"

	"flows"
)

// gapShelf is that part of the shelf.
type gapShelf struct {
	gapLines []flows.GapLine
	gapQuery flows.GapQuery
}

func (s *gapShelf) GapLines(_ context.Context, q flows.GapQuery) ([]flows.GapLine, error) {
	s.gapQuery = q
	return s.gapLines[:min(len(s.gapLines), q.Limit)], nil
}
