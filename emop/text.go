package emop

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// text writes a decoded value for people. A unit is a symbol, a part of one ("0.1 V", "1/100000 GBP") or only a part ("0.01").
func text(v any, unit string) string {
	switch v := v.(type) {
	case time.Time: // which is a fmt.Stringer too
		return when(v, unit)
	case fmt.Stringer:
		return v.String()
	case string:
		return v
	case []byte:
		return hex.EncodeToString(v)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case uint8:
		return quantity(int64(v), unit)
	case uint16:
		return quantity(int64(v), unit)
	case uint32:
		return quantity(int64(v), unit)
	case int32:
		return quantity(int64(v), unit)
	}
	return strings.Trim(fmt.Sprint(v), "[]")
}

func when(t time.Time, unit string) string { return t.Format(time.DateTime) + " " + unit }

func quantity(count int64, unit string) string {
	places := 0
	part, symbol, _ := strings.Cut(unit, " ")
	switch {
	case strings.HasPrefix(part, "0."):
		places = len(part) - len("0.")
	case strings.HasPrefix(part, "1/1"):
		places = len(part) - len("1/1")
	default:
		symbol = unit
	}
	return strings.TrimSpace(decimal(count, places) + " " + symbol)
}

// decimal writes a count of 10^-places.
func decimal(count int64, places int) string {
	sign := ""
	if count < 0 {
		sign, count = "-", -count
	}
	s := fmt.Sprintf("%0*d", places+1, count)
	if places == 0 {
		return sign + s
	}
	return sign + s[:len(s)-places] + "." + s[len(s)-places:]
}
