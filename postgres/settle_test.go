package postgres

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/vee"

	gocmp "github.com/google/go-cmp/cmp"
)

// mustSettle judges until nothing is left.
func mustSettle(t *testing.T, s *Store, meters ...string) (registers int) {
	t.Helper()
	for {
		n, err := s.Settle(t.Context(), meters, vee.Rules)
		if err != nil {
			t.Fatal(err)
		}
		if registers += n; n == 0 {
			return registers
		}
	}
}

// intervals is every row of a register, with everything in it.
const intervals = `
	select to_char(i."timestamp" at time zone 'UTC', 'MM-DD HH24:MI'), coalesce(import_interval::text, '-'), coalesce(import_quality, '-'), coalesce(import_method, '-'),
		coalesce(import_reason, '-'), coalesce(import_billable::text, '-'), coalesce(export_interval::text, '-'), coalesce(export_quality, '-'),
		coalesce(export_method, '-'), coalesce(export_reason, '-'), coalesce(export_billable::text, '-')
	from flows.register_interval_hh i join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
	where r.serial = $1 order by g.element, i."timestamp"`

// story is what one register's log says, and what it should come to: rows by vee alone, from everything at once.
type story struct {
	meter   flows.Meter
	start   time.Time
	records []arrival
}

// arrival is a record of the log and when it comes.
type arrival struct {
	flows.ProfileRead
	received time.Time
}

// tell makes a history of so many half-hours with everything that may befall a log.
func tell(r *rand.Rand, m flows.Meter, start time.Time, n int, received time.Time) story {
	s := story{meter: m, start: start}
	for _, d := range []flows.Direction{flows.Import, flows.Export} {
		value, missing, wrong := flows.Energy(r.IntN(50_000))*flows.WattHour, 0, 0
		for i := range n + 1 {
			rec := flows.ProfileRead{Element: "A", Direction: d, Time: start.Add(time.Duration(i) * flows.SlotLength), Read: value, Status: 0x0080}
			keep := missing == 0
			if missing > 0 {
				missing--
			}
			switch r.IntN(40) {
			case 0, 1:
				missing = 1 + r.IntN(12)
			case 2:
				rec.Status = 0
			case 3:
				rec.Read = 0
			case 4:
				rec.Read += 40 * flows.KiloWattHour
			case 5:
				rec.Read = max(rec.Read-20*flows.WattHour, 0)
			case 6:
				rec.Read, rec.Status = flows.Energy(r.IntN(20))*flows.WattHour, 0x0180
				value = rec.Read
			case 7:
				rec.Time = rec.Time.Add(7 * time.Minute)
			case 8:
				rec.Status = 0x0090
			case 9:
				wrong = 2 + r.IntN(4)
			}
			if wrong > 0 { // a register of long ago, or 0
				wrong--
				rec.Read = max(rec.Read-30*flows.KiloWattHour, 0)
			}
			if keep || i == 0 {
				if i == 0 {
					rec.Time, rec.Status = start, 0x0080
				}
				s.records = append(s.records, arrival{rec, received})
			}
			value += flows.Energy(r.IntN(2000)) * flows.WattHour
		}
	}
	return s
}

// want is what the rules make of the whole story.
func (s story) want(t *testing.T) string {
	rows := map[time.Time][2]string{}
	for side, d := range []flows.Direction{flows.Import, flows.Export} {
		in := vee.Input{Register: vee.Register{Direction: d, Unit: flows.WattHour, Rating: vee.Rating{Fuse: 100, Phases: 1}, Start: s.start}, Zone: mustZone(t, "Europe/London"),
			Span: flows.Period{From: s.start, To: time.Now().Add(24 * time.Hour)}}
		for _, a := range s.records {
			if a.Direction == d {
				in.Records = append(in.Records, vee.Record{Time: a.Time, Value: vee.Count(a.Read / flows.WattHour), Status: vee.Status(a.Status), Received: a.received})
			}
		}
		for _, i := range vee.Judge(in).Intervals {
			row, known := rows[i.Start]
			if !known {
				row = [2]string{"- - - - -", "- - - - -"}
			}
			switch {
			case i.Value != nil:
				row[side] = fmt.Sprintf("%s %s %s %s %t", i.Value, i.Quality, i.Method, i.Reason, i.Billable)
			case i.Reason != string(flows.RuleMissing):
				row[side] = fmt.Sprintf("- - - %s false", i.Reason)
			default:
				continue
			}
			rows[i.Start] = row
		}
	}
	var lines []string
	for _, at := range slices.SortedFunc(maps.Keys(rows), time.Time.Compare) {
		lines = append(lines, at.Format("01-02 15:04")+" "+rows[at][0]+" "+rows[at][1])
	}
	return strings.Join(lines, "\n")
}

func mustZone(t *testing.T, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// However the records come in, and however often they are judged on the way, the rows are those of one judgement of everything. A
// second look changes nothing, and what has not changed is not looked at.
func TestHalfHoursAreThoseOfTheRulesWhateverTheOrder(t *testing.T) {
	s := mustStore(t)
	const meters = 24
	var list []flows.Registration
	for i := range meters {
		list = append(list, at(fmt.Sprintf("M%02d", i), fmt.Sprintf("10.0.0.%d", i+1), "B1.w"))
	}
	known := mustRegister(t, s, list...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.Now().UTC().Truncate(flows.SlotLength)
	var stories []story
	type piece struct {
		story int
		arrival
	}
	var pieces []piece
	for i := range meters {
		n := 60 + r.IntN(39)
		if i%8 == 0 {
			n = 480 // long enough to know like days
		}
		start := now.Add(-time.Duration(n+r.IntN(400)) * flows.SlotLength)
		st := tell(r, known[fmt.Sprintf("M%02d", i)], start, n, now)
		stories = append(stories, st)
		for _, a := range st.records {
			pieces = append(pieces, piece{i, a})
		}
	}
	r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
	slices.SortStableFunc(pieces[:len(pieces)/2], func(a, b piece) int { return cmp.Compare(a.Time.Unix(), b.Time.Unix()) })
	for len(pieces) > 0 {
		n := min(1+r.IntN(len(pieces)/4+40), len(pieces))
		results := make([]flows.Result, meters)
		for i := range results {
			results[i] = flows.Result{Meter: stories[i].meter, Health: flows.Healthy, ReadAt: now}
		}
		for _, p := range pieces[:n] {
			results[p.story].Profile = append(results[p.story].Profile, p.ProfileRead)
		}
		mustSave(t, s, results...)
		pieces = pieces[n:]
		if r.IntN(3) > 0 {
			mustSettle(t, s)
		}
	}
	mustSettle(t, s)
	for _, st := range stories {
		got := lines(t, s, intervals, st.meter.Serial)
		if diff := gocmp.Diff(strings.Split(st.want(t), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (- the rules, + stored):\n%s", st.meter.Serial, diff)
			break
		}
	}
	if n := mustSettle(t, s); n != 0 {
		t.Errorf("%d registers were judged again with nothing new", n)
	}
	before := lines(t, s, `select xmin, register_id, timestamp from flows.register_interval_hh order by 2, 3`)
	mustExec(t, s, `update flows.vee_work set changed_from = '-infinity', changed_to = 'infinity', due_at = now()`)
	if n := mustSettle(t, s); n < meters {
		t.Errorf("%d registers were judged again", n)
	}
	if after := lines(t, s, `select xmin, register_id, timestamp from flows.register_interval_hh order by 2, 3`); after != before {
		t.Error("judging again has written rows that were right")
	}
}
