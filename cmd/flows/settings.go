package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// environment gives flags with a setting tag their value from the environment, when the command line does not. A value that cannot be is
// reported by the setting's name: the person may not know the flag.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		name := flag.Tag.Get("setting")
		if name == "" {
			return nil, nil
		}
		v := getenv(name)
		if v == "" {
			return nil, nil
		}
		if flag.Target.CanFloat() || flag.Target.CanInt() || flag.Target.CanUint() {
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				return nil, fmt.Errorf("%s=%q is not a number", name, v)
			}
		}
		return v, nil
	})
}

// seconds is a duration as the settings give it: 10, 0.05.
type seconds float64

func (s seconds) duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// meterTiming is how patiently meters are spoken to.
type meterTiming struct {
	Timeout seconds `name:"timeout" setting:"EMLITE_TIMEOUT_SECONDS" default:"10" placeholder:"SECONDS" help:"Limit of one try to reach a meter or get an answer ($$EMLITE_TIMEOUT_SECONDS)."`
	Spacing seconds `name:"spacing" setting:"METER_SPACING_SECONDS" default:"2" placeholder:"SECONDS" help:"Pause between two requests to one meter ($$METER_SPACING_SECONDS)."`
}

// Validate is kong's.
func (m meterTiming) Validate() error {
	if m.Timeout <= 0 || m.Timeout > 600 {
		return usage("EMLITE_TIMEOUT_SECONDS must be more than 0 and at most 600, not %g", m.Timeout)
	}
	if m.Spacing < 0 || m.Spacing > 600 {
		return usage("METER_SPACING_SECONDS must be 0 to 600, not %g", m.Spacing)
	}
	return nil
}

// simulatedTiming suits simulated fleets.
var simulatedTiming = meterTiming{Timeout: 1, Spacing: 0.05}
