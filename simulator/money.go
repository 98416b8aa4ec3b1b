package simulator

import (
	"math/rand/v2"
	"sort"
	"time"

	"flows/emop"
)

// token is a credit entered over the wire.
type token struct {
	at    int64 // ms since emop.Epoch
	value int64 // 1/100000 GBP
}

const (
	pound      = 100_000 // 1/100000 GBP
	tokenWorth = 10 * pound
)

// money chooses the account: credit is bought each time a top-up is used up, so that the balance runs between opened − topUp and opened.
func (m *meter) money(r *rand.Rand, s Spec) {
	m.tariff = newTariff(r, s)
	m.topUp = (15 + r.Int64N(6)*5) * pound
	m.opened = m.topUp + (2+r.Int64N(10))*pound
	if s.InDebt {
		m.opened = -r.Int64N(5*pound) - 1
	}
}

// cost is what was used since installation, in 1/100000 GBP.
func (m *meter) cost(ms int64) int64 {
	ms = max(ms, m.installed)
	used := func(l load) int64 { return l.energy(ms) - l.energy(m.installed) }
	standing := m.tariff.standing * (ms - m.installed) / day
	return standing + (used(m.a)*m.tariff.inUse(m)+used(m.b)*m.tariff.inUseB(m))/1_000_000
}

func (m *meter) balance(t time.Time) int64 {
	n := m.opened - m.cost(millis(t))%m.topUp
	for _, k := range m.tokens {
		n += k.value
	}
	return n
}

func (m *meter) readPrepay(_ time.Time, r *reply) {
	var on int64 = 1
	if m.credit {
		on = 0
	}
	r.u8("prepay_enabled", "", on)
}

// setPrepay is refused below 10.00.
func (m *meter) setPrepay(t time.Time, p []byte) emop.NAK {
	switch {
	case len(p) != 1:
		return emop.NAKLength
	case p[0] != 0 && m.balance(t) < 10*pound:
		return emop.NAKSecurity
	}
	m.credit = p[0] == 0
	return 0
}

// enterToken takes any twenty digits for ten pounds. They are not kept.
func (m *meter) enterToken(t time.Time, p []byte) emop.NAK {
	if len(p) != 20 {
		return emop.NAKLength
	}
	for _, c := range p {
		if c < '0' || c > '9' {
			return emop.NAKFormat
		}
	}
	m.tokens = append(m.tokens, token{millis(t), tokenWorth})
	return 0
}

// bought is how often credit was bought.
func (m *meter) bought(ms int64) int64 { return m.cost(ms)/m.topUp + int64(len(m.tokens)) + 1 }

// readTransactions gives the number of the last transaction: their count less one.
func (m *meter) readTransactions(t time.Time, r *reply) {
	n := m.bought(millis(t))
	r.data = append(r.data, byte(n-1), byte((n-1)>>8))
	r.note("transactions", "", n)
}

// readTransaction gives the last one.
func (m *meter) readTransaction(t time.Time, r *reply) {
	ms := millis(t)
	n := m.cost(ms) / m.topUp
	last := token{m.installed, m.opened}
	if n > 0 {
		// Cost never falls: search for the second at which the last top-up was due.
		s := sort.Search(int((ms-m.installed)/second), func(s int) bool { return m.cost(m.installed+int64(s)*second) >= n*m.topUp })
		last = token{m.installed + int64(s)*second, m.topUp}
	}
	if k := len(m.tokens); k > 0 && m.tokens[k-1].at > last.at {
		last = m.tokens[k-1]
	}
	for i := range uint64(8) {
		r.data = append(r.data, byte(mix(m.seed, 50+i)))
	}
	r.seconds("time", m.clock(emop.Epoch.Add(time.Duration(last.at)*time.Millisecond)).Unix())
	r.u32("value", "1/100000 GBP", last.value)
}
