package main

import (
	"context"

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
