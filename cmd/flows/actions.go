package main

import (
	"context"
	"time"

	"flows"
	"flows/postgres"
	"flows/queue"
	"flows/vee"
)

// actions are what people have done from the pages.
type actions struct {
	store    *postgres.Store
	requests *queue.Requests
}

// ReadNow is web.Actions'.
func (a actions) ReadNow(ctx context.Context, serial string) error {
	m, err := a.meter(ctx, serial)
	if err != nil {
		return err
	}
	return a.requests.Read(ctx, m.ID, flows.Hourly)
}

// FetchGaps is web.Actions'.
func (a actions) FetchGaps(ctx context.Context, serial string) error {
	m, err := a.meter(ctx, serial)
	if err != nil {
		return err
	}
	return a.requests.Backfill(ctx, m.ID, time.Time{})
}

// Answer is web.Actions'. What a pick changes is judged at once: there may be no worker.
func (a actions) Answer(ctx context.Context, answer flows.Answer) error {
	meters, err := a.store.Answer(ctx, answer)
	if err == nil && len(meters) > 0 {
		_, err = a.store.Settle(ctx, meters, vee.Rules)
	}
	return err
}

// meter is one that can be asked.
func (a actions) meter(ctx context.Context, serial string) (m flows.Meter, err error) {
	page, err := a.store.MeterPage(ctx, serial) // knows of a meter that is gone which one is there now
	if err != nil {
		return m, err
	}
	if why := page.NotRead(); why != "" {
		return m, &flows.Refusal{Reason: "meter " + serial + " is not read: " + why}
	}
	list, err := a.store.Meters(ctx, postgres.Filter{Serials: []string{serial}})
	if err != nil {
		return m, err
	}
	return list[0], nil
}
