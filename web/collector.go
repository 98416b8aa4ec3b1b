package web

import (
	"context"

	"flows"

	"github.com/prometheus/client_golang/prometheus"
)

// NewCollector gives the fleet's numbers, as status tells them, to Prometheus. However often it is asked, it asks for a status once in
// 15 seconds at the most, and less often when that takes long. Without a status there is flows_status_up 0 and no number of before.
func NewCollector(status func(context.Context) (flows.Status, error)) prometheus.Collector {
	k := newKept(status)
	k.wait = true // a number that alerts are made of is not to be older than it says
	return &collector{k}
}

type collector struct{ *kept[flows.Status] }

// gauge is a number of the fleet.
type gauge struct {
	desc *prometheus.Desc
	tell func(flows.Status, adder)
}

// adder takes a value of a gauge.
type adder func(value float64, labels ...string)

func newGauge(name, help string, labels []string, tell func(flows.Status, adder)) gauge {
	return gauge{prometheus.NewDesc(name, help, labels, nil), tell}
}

var (
	up        = prometheus.NewDesc("flows_status_up", "1 if the fleet's status could be made; without it there are no numbers of the fleet.", nil, nil)
	freshness = prometheus.NewDesc("flows_freshness_seconds", "How long ago active meters were last healthy; those that never were are left out.", nil, nil)
)

// Describe is prometheus.Collector's.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- up
	to <- freshness
	for _, g := range gauges {
		to <- g.desc
	}
}

// Collect is prometheus.Collector's.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s, err := c.latest(context.Background())
	if err != nil {
		to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 0)
		return
	}
	to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 1)
	quantiles := map[float64]float64{}
	if s.Freshness.Meters > 0 {
		quantiles = map[float64]float64{0.5: float64(s.Freshness.P50), 0.95: float64(s.Freshness.P95)}
	}
	to <- prometheus.MustNewConstSummary(freshness, uint64(s.Freshness.Meters), float64(s.Freshness.Sum), quantiles)
	for _, g := range gauges {
		g.tell(s, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, labels...)
		})
	}
}
