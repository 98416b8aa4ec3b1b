package web

import (
	"context"

	"flows"
)

// totalShelf is that part of the shelf.
type totalShelf struct {
	totals      []flows.Total
	totalsQuery flows.TotalsQuery
}

func (s *totalShelf) Totals(_ context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	s.totalsQuery = q
	return s.totals, nil
}
