package flows

import (
	"fmt"
	"strconv"
	"strings"
)

// Energy counts tenths of a watt-hour (or var-hour), the finest unit any meter counts in, so that sums stay exact.
type Energy int64

// Units of Energy.
const (
	DeciWattHour Energy = 1
	WattHour            = 10 * DeciWattHour
	KiloWattHour        = 1000 * WattHour
)

// String is the energy in kWh, exact, with at least three decimals: "12345.678", "0.0001".
func (e Energy) String() string {
	s := decimal(int64(e), 4)
	return strings.TrimSuffix(s, "0")
}

// MarshalJSON is the energy in kWh, an exact decimal number.
func (e Energy) MarshalJSON() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Energy) UnmarshalJSON(text []byte) (err error) {
	*e, err = ParseEnergy(string(text))
	return err
}

// ParseEnergy reads kWh as PostgreSQL's numeric prints them; more than four decimals that are not zero are refused.
func ParseEnergy(s string) (Energy, error) {
	n, err := parseDecimal(s, 4)
	if err != nil {
		return 0, fmt.Errorf("energy %q is not kWh with at most four decimals: %w", s, err)
	}
	return Energy(n), nil
}

// Money counts 1/100 000 of a pound, the meter's own unit for balances and prices.
type Money int64

// Pound is 100 000 units of Money.
const Pound Money = 100_000

// String is the amount in pounds with five decimals: "3.00000", "-333.26400".
func (m Money) String() string { return decimal(int64(m), 5) }

// MarshalJSON is the amount in pounds, an exact decimal number.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Money) UnmarshalJSON(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}

// ParseMoney reads pounds with at most five decimals.
func ParseMoney(s string) (Money, error) {
	n, err := parseDecimal(s, 5)
	if err != nil {
		return 0, fmt.Errorf("amount %q is not pounds with at most five decimals: %w", s, err)
	}
	return Money(n), nil
}

// Voltage counts tenths of a volt.
type Voltage int32

// String is the voltage in volts: "238.6".
func (v Voltage) String() string { return decimal(int64(v), 1) }

func decimal(n int64, places int) string {
	sign := ""
	u := uint64(n)
	if n < 0 {
		sign, u = "-", -u
	}
	s := strconv.FormatUint(u, 10)
	if pad := places + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	return sign + s[:len(s)-places] + "." + s[len(s)-places:]
}

func parseDecimal(s string, places int) (int64, error) {
	digits, sign := s, ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		digits, sign = rest, "-"
	}
	whole, frac, _ := strings.Cut(digits, ".")
	if trimmed := strings.TrimRight(frac, "0"); len(trimmed) > places {
		return 0, fmt.Errorf("too many decimals")
	} else {
		frac = trimmed
	}
	all := whole + frac
	if whole == "" || strings.Trim(all, "0123456789") != "" {
		return 0, fmt.Errorf("not a decimal number")
	}
	return strconv.ParseInt(sign+all+strings.Repeat("0", places-len(frac)), 10, 64)
}
