package queue

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when something is due. Next gives the first time after t, zero for never; the same t always gives the same answer, in
// every process.
type Schedule interface {
	Next(t time.Time) time.Time
}

// Never is the schedule of what is switched off.
var Never Schedule = never{}

type never struct{}

func (never) Next(time.Time) time.Time { return time.Time{} }

// Every is due at every multiple of itself since year 1.
type Every time.Duration

// Next is Schedule's.
func (e Every) Next(t time.Time) time.Time {
	return t.UTC().Truncate(time.Duration(e)).Add(time.Duration(e))
}

// ParseSchedule reads a cron expression of five fields (minute, hour, day of month, month, day of week), in UTC; "@every 30m"; or "off".
func ParseSchedule(text string) (Schedule, error) {
	text = strings.TrimSpace(text)
	if text == "off" {
		return Never, nil
	}
	if period, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(period))
		if err != nil || d < time.Second {
			return nil, fmt.Errorf("%q: after @every stands a time of 1s or more, such as 30m", text)
		}
		return Every(d), nil
	}
	s, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no cron expression such as \"5 * * * *\" (minute, hour, day, month, weekday), no \"@every 30m\" and not \"off\": %w", text, err)
	}
	if s.Next(time.Now()).IsZero() {
		return nil, fmt.Errorf("%q is never due: to switch a frequency off, say \"off\"", text)
	}
	return utc{s}, nil
}

type utc struct{ cron.Schedule }

func (u utc) Next(t time.Time) time.Time { return u.Schedule.Next(t.UTC()) }

// lookBack is how far Latest looks: a schedule may be due but once a year.
const lookBack = 366 * 24 * time.Hour

// Latest gives the last time at or before now at which s was due; zero when that is more than a year ago.
func Latest(s Schedule, now time.Time) (latest time.Time) {
	// Ever longer looks back, so that a schedule by the minute needs few steps.
	for back := time.Minute; latest.IsZero(); back = min(8*back, lookBack) {
		for t := s.Next(now.Add(-back)); !t.IsZero() && !t.After(now); t = s.Next(t) {
			latest = t
		}
		if back == lookBack {
			break
		}
	}
	return latest
}

// mostMissed is how many missed ticks of one frequency are remembered: the newest.
const mostMissed = 1000

// due gives the ticks after last and until now, oldest first: those that must exist. Without a last one it is the latest alone, so that
// a new installation does not wait a day for its first daily run.
func due(s Schedule, last, now time.Time) (ticks []time.Time) {
	latest := Latest(s, now)
	if latest.IsZero() || !latest.After(last) {
		return nil
	}
	if last.IsZero() {
		return []time.Time{latest}
	}
	for t := s.Next(last); !t.IsZero() && !t.After(now); t = s.Next(t) {
		if ticks = append(ticks, t); len(ticks) > 2*mostMissed {
			ticks = append(ticks[:0], ticks[mostMissed:]...)
		}
	}
	return ticks[max(0, len(ticks)-mostMissed):]
}
