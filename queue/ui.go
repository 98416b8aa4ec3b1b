package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"riverqueue.com/riverui"
)

// UI is River's own view of the jobs, to be served below prefix. It looks at the database until the context ends.
func (r *Requests) UI(ctx context.Context, prefix string, log *slog.Logger) (http.Handler, error) {
	h, err := riverui.NewHandler(&riverui.HandlerOpts{Endpoints: riverui.NewEndpoints(r.client, nil), Logger: quieter(log), Prefix: prefix})
	if err == nil {
		err = h.Start(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return h, nil
}
