package main

import (
	"context"

	"flows"
	"flows/postgres"
	"flows/vee"
)

// settle judges the half-hours of these meters' registers, of all that are due when none is named, until nothing is left, and tells how
// many registers it judged.
func settle(ctx context.Context, store *postgres.Store, meters []string) (registers int, err error) {
	for {
		n, err := store.Settle(ctx, meters, vee.Rules)
		if registers += n; err != nil || n == 0 {
			return registers, err
		}
	}
}

// settle judges what a backfill brought. What an interrupted one brought is judged by the next one, or by flows serve.
func (f fleetBackfill) settle(a *app) error {
	if a.ctx.Err() != nil {
		return nil
	}
	_, err := settle(a.ctx, f.store, idsOf(f.meters))
	return err
}

func idsOf(meters []flows.Meter) []string {
	ids := make([]string, len(meters))
	for i, m := range meters {
		ids[i] = m.ID
	}
	return ids
}
