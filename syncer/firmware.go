package syncer

import "flows/emop"

// firmware takes the firmware version into the registry.
func firmware(r *run) {
	get(r, emop.Firmware, func(v string) { r.result.Registry.FirmwareVersion = changed(r.meter.Registry.FirmwareVersion, v) })
}

// changed is the value when the registry holds another one or none.
func changed[T comparable](known *T, v T) *T {
	if known != nil && *known == v {
		return nil
	}
	return &v
}
