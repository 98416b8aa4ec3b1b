package vee

import (
	"math/big"
	"slices"
)

// share divides a total in proportion to the weights, exactly, and gives no share more than its cap as long as the caps together have room
// for the total; caps may be nil. Weights that are all 0 count as the flat ones.
func share(total *big.Rat, weights, flat, caps []*big.Rat) []*big.Rat {
	if caps != nil && sum(caps, nil).Cmp(total) < 0 {
		caps = nil
	}
	shares := make([]*big.Rat, len(weights))
	rest := new(big.Rat).Set(total)
	for {
		open, all := weights, sum(weights, shares)
		if all.Sign() == 0 {
			open, all = flat, sum(flat, shares)
		}
		if all.Sign() == 0 {
			return shares
		}
		rate := new(big.Rat).Quo(rest, all)
		full := fillUp(shares, open, caps, rate)
		if full.Sign() == 0 {
			for i, w := range open {
				if shares[i] == nil {
					shares[i] = new(big.Rat).Mul(rate, w)
				}
			}
			return shares
		}
		rest.Sub(rest, full)
	}
}

// fillUp gives the shares that would go over their cap just that, and says how much that was.
func fillUp(shares, weights, caps []*big.Rat, rate *big.Rat) *big.Rat {
	full := new(big.Rat)
	for i := range caps {
		if shares[i] == nil && new(big.Rat).Mul(rate, weights[i]).Cmp(caps[i]) > 0 {
			shares[i] = caps[i]
			full.Add(full, caps[i])
		}
	}
	return full
}

// sum adds up what has no share yet.
func sum(rats, shares []*big.Rat) *big.Rat {
	all := new(big.Rat)
	for i, r := range rats {
		if shares == nil || shares[i] == nil {
			all.Add(all, r)
		}
	}
	return all
}

// round makes whole counts of shares that add up to a whole number: down, and the counts left over to the largest remainders, the
// earliest of equals first.
func round(shares []*big.Rat) []Count {
	counts := make([]Count, len(shares))
	remainders := make([]*big.Rat, len(shares))
	left := new(big.Rat)
	for i, s := range shares {
		whole := new(big.Int).Quo(s.Num(), s.Denom())
		counts[i] = Count(whole.Uint64())
		remainders[i] = new(big.Rat).Sub(s, new(big.Rat).SetInt(whole))
		left.Add(left, remainders[i])
	}
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return remainders[b].Cmp(remainders[a]) })
	for i := range int(left.Num().Int64()) {
		counts[order[i]]++
	}
	return counts
}
