package main

import (
	"context"
	"time"

	"flows"
	"flows/postgres"
	"flows/queue"
)

// schedules says when each frequency is due.
type schedules struct {
	ScheduleHourly       string `name:"schedule-hourly" setting:"FLOWS_SCHEDULE_HOURLY" default:"5 * * * *" placeholder:"CRON" help:"When the hourly run is due, in UTC: minute, hour, day, month, weekday; or \"@every 30m\", or off ($$FLOWS_SCHEDULE_HOURLY)."`
	ScheduleTwelveHourly string `name:"schedule-12hourly" setting:"FLOWS_SCHEDULE_12HOURLY" default:"20 6,18 * * *" placeholder:"CRON" help:"When the 12hourly run is due ($$FLOWS_SCHEDULE_12HOURLY)."`
	ScheduleDaily        string `name:"schedule-daily" setting:"FLOWS_SCHEDULE_DAILY" default:"10 0 * * *" placeholder:"CRON" help:"When the daily run is due ($$FLOWS_SCHEDULE_DAILY)."`
}

// parse names the setting that is wrong.
func (s schedules) parse() (map[flows.Frequency]queue.Schedule, error) {
	parsed := map[flows.Frequency]queue.Schedule{}
	for _, of := range []struct {
		frequency     flows.Frequency
		setting, text string
	}{
		{flows.Hourly, "FLOWS_SCHEDULE_HOURLY", s.ScheduleHourly},
		{flows.TwelveHourly, "FLOWS_SCHEDULE_12HOURLY", s.ScheduleTwelveHourly},
		{flows.Daily, "FLOWS_SCHEDULE_DAILY", s.ScheduleDaily},
	} {
		schedule, err := queue.ParseSchedule(of.text)
		if err != nil {
			return nil, usage("%s: %w", of.setting, err)
		}
		parsed[of.frequency] = schedule
	}
	return parsed, nil
}

// status is what the store knows, with what was due by these schedules.
func (s schedules) status(ctx context.Context, store *postgres.Store, esco string) (flows.Status, error) {
	parsed, err := s.parse()
	if err != nil {
		return flows.Status{}, err
	}
	st, err := store.Status(ctx, esco)
	if err != nil {
		return st, err
	}
	st.Due = map[flows.Frequency]*time.Time{}
	for f, schedule := range parsed {
		st.Due[f] = nil
		if due := queue.Latest(schedule, st.Time.Add(-flows.TickGrace)); !due.IsZero() {
			st.Due[f] = &due
		}
	}
	return st, nil
}
