package ledger

// align finds which group of rows each visit wrote; -1 = none. Both are in order of time, and so the pairs are: of all ways that keep
// the order, the one that explains most rows. Windows may overlap, since runs of a small fleet are short.
func align(visits []*visit, groups []group) []int {
	best := make([][]int, len(visits)+1) // best[i][j]: from visit i and group j on
	for i := range best {
		best[i] = make([]int, len(groups)+1)
	}
	for i := len(visits) - 1; i >= 0; i-- {
		for j := len(groups) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if s := visits[i].score(groups[j]); s > 0 {
				best[i][j] = max(best[i][j], s+best[i+1][j+1])
			}
		}
	}
	pairs := make([]int, len(visits))
	for i, j := 0, 0; i < len(visits); i++ {
		for j < len(groups) && best[i][j] == best[i][j+1] {
			j++
		}
		pairs[i] = -1
		if j < len(groups) && best[i][j] != best[i+1][j] {
			pairs[i] = j
			j++
		}
	}
	return pairs
}

// score is how well the rows fit the visit; 0 = they cannot be its own.
func (v *visit) score(g group) int {
	if len(v.rows) == 0 || !within(g.at, v.from.Add(-slack), v.to.Add(slack)) {
		return 0
	}
	s := 1
	if within(g.at, v.from, v.to) {
		s++
	}
	for key, found := range g.facts {
		if w := v.rows[key]; w != nil && w.ok(found[0]) {
			s += 3
		}
	}
	return s
}
