package web

import (
	"context"

	"flows"
)

// exceptionShelf is that part of the shelf.
type exceptionShelf struct {
	found  []flows.ExceptionRow
	filter flows.ExceptionFilter
}

func (s *exceptionShelf) ExceptionLines(_ context.Context, f flows.ExceptionFilter) ([]flows.ExceptionRow, error) {
	s.filter = f
	return s.found[:min(len(s.found), f.Limit)], nil
}

func (s *exceptionShelf) CountExceptions(_ context.Context, _ flows.ExceptionFilter, most int) (int, error) {
	return min(len(s.found), most), nil
}
