package pgtest

import (
	"context"
	"fmt"
	"strings"

	"flows/schema"
)

// migrate brings an empty database to the newest schema. A superuser may do all of it: a notice is a failure.
func migrate(ctx context.Context, databaseURL string) error {
	report, err := schema.Up(ctx, databaseURL)
	if err == nil && len(report.Notices) > 0 {
		err = fmt.Errorf("not a superuser's rights? left to do: %s", strings.Join(report.Notices, "; "))
	}
	return err
}
