package simulator

import (
	"math"
	"time"
)

// mix is a hash of two numbers (the finaliser of splitmix64): noise that is a pure function of what it belongs to.
func mix(a, b uint64) uint64 {
	z := a ^ (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// within gives a number of low..high that belongs to a and b.
func within(a, b uint64, low, high int64) int64 {
	return low + int64(mix(a, b)%uint64(high-low+1))
}

// Latency is a lognormal distribution of how long a meter takes to answer. The zero value is no latency.
type Latency struct{ Median, P99 time.Duration }

// sample gives the latency that belongs to a and b.
func (l Latency) sample(a, b uint64) time.Duration {
	if l.Median <= 0 {
		return 0
	}
	if l.P99 <= l.Median {
		return l.Median
	}
	const z99 = 2.3263 // of the normal distribution
	u := float64(mix(a, b)>>11+1) / (1 << 53)
	v := float64(mix(b, a)>>11) / (1 << 53)
	z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
	return time.Duration(float64(l.Median) * math.Pow(float64(l.P99)/float64(l.Median), z/z99))
}
