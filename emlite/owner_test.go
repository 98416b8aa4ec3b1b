package emlite

import (
	"fmt"
	"slices"
	"testing"
)

func serials(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("EML21%08d", i)
	}
	return all
}

func TestAnAddressThatGoesMovesItsOwnSerialsOnly(t *testing.T) {
	four := []string{"10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051", "mediator-4:50051"}
	share := map[string]int{}
	for _, serial := range serials(10_000) {
		was := owner(four, serial)
		share[was]++
		for gone := range four {
			three := slices.Delete(slices.Clone(four), gone, gone+1)
			if is := owner(three, serial); is != was && was != four[gone] {
				t.Fatalf("%s moved from %s to %s when %s went", serial, was, is, four[gone])
			}
		}
	}
	for _, address := range four {
		if n := share[address]; n < 2300 || n > 2700 {
			t.Errorf("%s has %d of 10000 serials, want about a quarter", address, n)
		}
	}
}

func TestTheOrderOfAddressesDoesNotMatter(t *testing.T) {
	one, other := []string{"a:1", "b:1", "c:1"}, []string{"c:1", "a:1", "b:1"}
	for _, serial := range serials(1000) {
		if got, want := owner(other, serial), owner(one, serial); got != want {
			t.Fatalf("%s: %s and %s", serial, got, want)
		}
	}
}

// Clients of different versions must agree.
func TestOwnersStayAsTheyWere(t *testing.T) {
	for serial, want := range map[string]string{"EML2137580761": "10.0.0.1:50051", "EML2100000001": "10.0.0.3:50051"} {
		if got := owner([]string{"10.0.0.1:50051", "10.0.0.2:50051", "10.0.0.3:50051"}, serial); got != want {
			t.Errorf("%s: %s, want %s", serial, got, want)
		}
	}
}
