package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"flows"
)

// story is a fleet drawn at random, what it answered in three runs, and what a faithful head-end stored of it.
type story struct {
	*rand.Rand
	meters  []Meter
	answers []Answer
	runs    []Run
	facts   []flows.Fact
}

func tell(seed uint64, meters int) *story {
	s := &story{Rand: rand.New(rand.NewPCG(seed, 1)), runs: smallRuns()}
	s.runs[2].Metrics = []string{"SyncerReads", "SyncerVoltage", "SyncerCsq", "SyncerEventLog"}
	for i := range meters {
		m := Meter{Serial: fmt.Sprintf("M%04d", i), Hardware: "C1.w", Registered: "C1.w", Reachable: true, Active: true, FrameAddress: uint32(i + 1)}
		if s.IntN(3) == 0 {
			m.Hardware, m.Registered = "P1.cx", "P1.cx"
		}
		m.Reachable = s.IntN(10) > 0
		s.meters = append(s.meters, m)
		s.live(m)
	}
	return s
}

func (s *story) store(table string, m Meter, column string, at time.Time, value string) {
	s.facts = append(s.facts, flows.Fact{Table: table, Serial: m.Serial, Column: column, Time: at, Value: value, Null: value == ""})
}

// ask is one object asked until it is answered whole, and the middle of that exchange.
func (s *story) ask(m Meter, t *time.Time, object uint32, block int, values ...Value) (middle time.Time) {
	for whole := false; !whole; {
		whole = s.IntN(5) > 0
		a := Answer{Serial: m.Serial, Object: object, Block: block, Arrived: *t, Departed: t.Add(40 * time.Millisecond), Whole: whole, Values: values}
		s.answers = append(s.answers, a)
		middle = t.Add(20 * time.Millisecond)
		*t = t.Add(50 * time.Millisecond)
	}
	return middle
}

// live is the three runs of one meter. Its present state is stored at the end.
func (s *story) live(m Meter) {
	present := map[string]string{"health": "unhealthy"}
	for i, run := range s.runs {
		t := run.Started.Add(time.Duration(s.IntN(1000)) * time.Millisecond)
		if !m.Reachable {
			s.store("meter_csq", m, "csq", t, "")
			s.store("meter_health_history", m, "health", t, "unhealthy")
			continue
		}
		switch {
		case i == 1:
			t = s.signal(m, &t, time.Time{}, present)
		case m.Hardware == "C1.w":
			t = s.twin(m, i, t, present)
		default:
			t = s.three(m, i, t, present)
		}
		s.store("meter_health_history", m, "health", t, "healthy")
		present["health"] = "healthy"
	}
	for column, value := range present {
		s.store("meter_shadows", m, column, time.Time{}, value)
	}
	s.store("meter_registry", m, "hardware", time.Time{}, m.Hardware)
}

// signal reads csq. The zero at means that the run reads no register: then csq's own time is that of all rows.
func (s *story) signal(m Meter, t *time.Time, at time.Time, present map[string]string) time.Time {
	csq := s.Int64N(32)
	middle := s.ask(m, t, 0xfffd1d, -1, Value{Name: "csq", Number: csq})
	if at.IsZero() {
		at = middle
	}
	present["csq"] = fmt.Sprint(csq)
	s.store("meter_csq", m, "csq", at, present["csq"])
	return at
}

// kept is the columns a register value goes to.
func (s *story) kept(m Meter, at time.Time, present map[string]string, table, register, column, value string) {
	s.store(table, m, "read."+register, at, value)
	present[column] = value
}

func (s *story) twin(m Meter, run int, t time.Time, present map[string]string) time.Time {
	var at time.Time
	for i, object := range []uint32{elementA, elementB} {
		in, out := 1+s.Int64N(9), 1+s.Int64N(9)
		middle := s.ask(m, &t, object, -1, Value{Name: "import_active", Unit: "Wh", Number: in}, Value{Name: "export_active", Unit: "Wh", Number: out})
		if i == 0 {
			at = middle
		}
		register, lower := string(rune('A'+i)), string(rune('a'+i))
		s.kept(m, at, present, "register_import", register, "import_"+lower, fmt.Sprintf("0.00%d", in))
		s.kept(m, at, present, "register_export", register, "export_"+lower, fmt.Sprintf("0.00%d", out))
	}
	volts := 2300 + 1 + s.Int64N(9)
	s.ask(m, &t, 0x0c0700, -1, Value{Name: "voltage", Unit: "0.1 V", Number: volts})
	present["voltage"] = fmt.Sprintf("230.%d", volts-2300)
	s.store("meter_voltage", m, "voltage", at, present["voltage"])
	if run == 0 {
		s.ask(m, &t, 0xffc802, -1, Value{Name: "balance", Unit: "1/100000 GBP", Number: -700000})
		present["balance"] = "-7"
		s.store("meter_prepay_balance", m, "balance", at, "-7")
		return at
	}
	s.log(m, &t)
	s.signal(m, &t, at, present)
	return at
}

// log is two blocks, since the first is full of what has not been seen.
func (s *story) log(m Meter, t *time.Time) {
	when := s.runs[2].Started
	for block, size := range []int{10, 3} {
		var values []Value
		for range size {
			when = when.Add(-time.Duration(1+s.IntN(3600)) * time.Second)
			kind, set := 1+s.Int64N(80), s.Int64N(256)
			values = append(values, Value{Name: "event", Unit: "s", Number: when.Unix()}, Value{Name: "type", Number: kind}, Value{Name: "set", Number: set})
			s.store("meter_event_log", m, fmt.Sprintf("event.%d", kind), when, fmt.Sprint(set))
		}
		s.ask(m, t, eventLogID, block, values...)
	}
}

func (s *story) three(m Meter, run int, t time.Time, present map[string]string) time.Time {
	in, out := 1+s.Int64N(9), 1+s.Int64N(9)
	at := s.ask(m, &t, totalImport, -1, Value{Name: "total", Unit: "0.1 Wh", Number: in})
	s.ask(m, &t, totalExport, -1, Value{Name: "total", Unit: "0.1 Wh", Number: out})
	s.kept(m, at, present, "register_import", "A", "import_a", fmt.Sprintf("0.000%d", in))
	s.kept(m, at, present, "register_export", "A", "export_a", fmt.Sprintf("0.000%d", out))
	for i, object := range []uint32{0x200700, 0x340700, 0x480700} {
		volts := s.Int64N(10)
		s.ask(m, &t, object, -1, Value{Name: "voltage", Unit: "0.1 V", Number: 2300 + volts})
		value := fmt.Sprintf("230.%d", volts)
		if volts == 0 {
			value = "230"
		}
		present[fmt.Sprintf("3p_voltage_l%d", i+1)] = value
		s.store("meter_3p_voltage", m, fmt.Sprintf("voltage_l%d", i+1), at, value)
	}
	if run > 0 {
		s.signal(m, &t, at, present)
	}
	return at
}

// alterations are what can happen to a stored value.
var alterations = map[string]func(s *story, i int) []flows.Fact{
	"lost":    func(s *story, i int) []flows.Fact { return slices.Delete(slices.Clone(s.facts), i, i+1) },
	"doubled": func(s *story, i int) []flows.Fact { return append(slices.Clone(s.facts), s.facts[i]) },
	"value": func(s *story, i int) []flows.Fact {
		return s.with(i, func(f *flows.Fact) { f.Null, f.Value = false, f.Value+"1" })
	},
	"null or not": func(s *story, i int) []flows.Fact {
		return s.with(i, func(f *flows.Fact) { f.Null, f.Value = !f.Null, "3" })
	},
	"column": func(s *story, i int) []flows.Fact { return s.with(i, func(f *flows.Fact) { f.Column += "0" }) },
	"table":  func(s *story, i int) []flows.Fact { return s.with(i, func(f *flows.Fact) { f.Table += "_hh" }) },
	"meter": func(s *story, i int) []flows.Fact {
		return s.with(i, func(f *flows.Fact) {
			other := s.IntN(len(s.meters) - 1)
			if s.meters[other].Serial == f.Serial {
				other = len(s.meters) - 1
			}
			f.Serial = s.meters[other].Serial
		})
	},
	"time, much": func(s *story, i int) []flows.Fact {
		return s.with(i, func(f *flows.Fact) { f.Time = f.Time.Add(time.Duration(s.IntN(7200)+10) * time.Second) })
	},
	"time, little": func(s *story, i int) []flows.Fact {
		return s.with(i, func(f *flows.Fact) { f.Time = f.Time.Add(-time.Millisecond) })
	},
}

func (s *story) with(i int, change func(*flows.Fact)) []flows.Fact {
	facts := slices.Clone(s.facts)
	change(&facts[i])
	return facts
}

func TestAnyAlterationOfAnyFactIsFound(t *testing.T) {
	for seed := range uint64(3) {
		s := tell(seed, 5)
		if r := Compare(s.meters, s.answers, s.runs, s.facts); len(r.Mismatches) > 0 {
			t.Fatalf("seed %d: nothing is altered, but\n%s", seed, r)
		}
		for name, alter := range alterations {
			for i, f := range s.facts {
				if f.Time.IsZero() && (name == "time, much" || name == "time, little") {
					continue // present state has no time
				}
				r := Compare(s.meters, s.answers, s.runs, alter(s, i))
				once := name == "lost" || name == "doubled" || name == "value"
				if n := len(r.Mismatches); n == 0 || once && n > 1 {
					t.Errorf("seed %d, %s: %d mismatches for %s\n%s", seed, name, n, f, r)
				}
			}
		}
	}
}

func BenchmarkCompareOf1000Meters(b *testing.B) {
	s := tell(1, 1000)
	b.ReportMetric(float64(len(s.facts)), "facts")
	for b.Loop() {
		if r := Compare(s.meters, s.answers, s.runs, s.facts); len(r.Mismatches) > 0 {
			b.Fatal(r)
		}
	}
}
