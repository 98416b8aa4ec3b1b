package syncer

import "flows/emop"

// prepayEnabled takes whether the meter is in prepayment or credit mode.
func prepayEnabled(r *run) {
	get(r, emop.PrepayEnabled, func(v bool) { r.result.Registry.PrepayEnabled = changed(r.meter.Registry.PrepayEnabled, v) })
}

// daylightSavings takes whether the meter moves its clock in summer.
func daylightSavings(r *run) {
	get(r, emop.DaylightSavings, func(v bool) { r.result.Registry.DaylightSavings = changed(r.meter.Registry.DaylightSavings, v) })
}

// backlight takes the name of the backlight's setting.
func backlight(r *run) {
	get(r, emop.Backlight, func(v string) { r.result.Shadow.Backlight = &v })
}

// loadSwitch takes the name of the load switch's setting.
func loadSwitch(r *run) {
	get(r, emop.LoadSwitch, func(v string) { r.result.Shadow.LoadSwitch = &v })
}
