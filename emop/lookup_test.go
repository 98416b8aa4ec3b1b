package emop

import (
	"strings"
	"testing"
)

func TestLookupFinds(t *testing.T) {
	tests := []struct {
		typed, name string
		id          ID
	}{
		{"csq", "csq", 0xfffd1d},
		{" Prepay_Balance ", "prepay_balance", 0xffc802},
		{"active_price.3.1", "active_price.3.1", 0xfff911},
		{"FUTURE_TOU_PRICE_B.4", "future_tou_price_b.4", 0xfff604},
		{"fffd1d", "csq", 0xfffd1d},
		{"FFFD1D", "csq", 0xfffd1d},
		{"ffc803", "prepay_token", 0xffc803}, // so that it is not read by its number either
		{"fff939", "active_price.8.1", 0xfff939},
		{"fff604", "future_tou_price_b.4", 0xfff604},
		{"fff605", "fff605", 0xfff605},
		{"0c2300", "0c2300", 0x0c2300},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			d, err := Lookup(tt.typed)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Info(); got.Name != tt.name || got.ID != tt.id {
				t.Errorf("got %s %s, want %s %s", got.Name, got.ID, tt.name, tt.id)
			}
		})
	}
}

func TestLookupFindsEveryRowByNameAndID(t *testing.T) {
	for _, d := range Table {
		e := d.Info()
		if f, ok := d.(Family); ok {
			e = f.At([]int{1, 1}[:len(f.axes)]...).Entry
		}
		for _, typed := range []string{e.Name, e.ID.String()} {
			if got, err := Lookup(typed); err != nil || got.Info() != e {
				t.Errorf("%s: got %v, %v", typed, got, err)
			}
		}
	}
}

func TestLookupErrorsSayWhatToType(t *testing.T) {
	tests := []struct{ typed, want string }{
		{"voltag", "did you mean voltage"},
		{"csk", "did you mean csq"},
		{"balance", "did you mean prepay_balance"},
		{"xyzzy", "flows read --help"},
		{"", "flows read --help"},
		{"fffd1", "flows read --help"},
		{"fffd1g", "flows read --help"},
		{"csq.1", "csq takes no index"},
		{"active_price", "active_price.BLOCK.RATE (1..8, 1..8)"},
		{"active_price.9.1", "active_price.BLOCK.RATE (1..8, 1..8)"},
		{"active_price.x.1", "active_price.BLOCK.RATE (1..8, 1..8)"},
		{"active_price.1.1.1", "active_price.BLOCK.RATE (1..8, 1..8)"},
		{"active_price.1.1.", "active_price.BLOCK.RATE (1..8, 1..8)"},
		{"future_tou_price_b.5", "future_tou_price_b.RATE (1..4)"},
	}
	for _, tt := range tests {
		t.Run(tt.typed, func(t *testing.T) {
			d, err := Lookup(tt.typed)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want an error with %q", d, err, tt.want)
			}
		})
	}
}
