package emop

import (
	"fmt"
	"time"
)

// AppendTime appends the payload that sets a meter's clock: UTC, whole seconds, 0 = Sunday. It refuses years that the protocol cannot
// say and every time before 2020: a computer whose own clock is not set must not set a meter's.
func AppendTime(dst []byte, t time.Time) ([]byte, error) {
	t = t.UTC()
	year := t.Year() - 2000
	if year < 20 || year > 255 {
		return dst, fmt.Errorf("a meter's clock cannot be set to %s", t.Format(time.RFC3339))
	}
	return append(dst, byte(year), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), byte(t.Weekday())), nil
}
