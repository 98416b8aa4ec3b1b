package vee

import (
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// What an exception says in full: where it lies, how often, and the figures a person judges it by.
func TestWhatExceptionsSay(t *testing.T) {
	_, today := ordinaryMonth()
	at := func(minutes int) time.Time { return today.Add(time.Duration(minutes) * time.Minute).UTC() }
	day := flows.Period{From: at(0), To: at(24 * 60)}
	// A record of the last day is number 29*48 and so on; the register stands at 1000 + 29*48*256 = 357352 then.
	const first = 29 * 48
	for _, c := range []struct {
		name   string
		change func(*Input)
		want   flows.Exception
	}{
		{"more than can flow", func(in *Input) {
			for i := first + 3; i < len(in.Records); i++ {
				in.Records[i].Value += 40_000
			}
		}, flows.Exception{
			Rule: flows.RuleMaxEnergy, Severity: flows.SeverityCritical, Key: "2024-07-01T00:30:00Z", Count: 1, Period: flows.Period{From: at(60), To: at(90)},
			Details: map[string]string{"before_kwh": "357.864", "after_kwh": "398.114", "most_kwh": "15.180"},
		}},
		{"a wrong read", func(in *Input) { in.Records[first+3].Value = 5 }, flows.Exception{
			Rule: flows.RuleBadRead, Severity: flows.SeverityWarning, Key: "2024-07-01T00:30:00Z", Count: 1, Period: flows.Period{From: at(60), To: at(120)},
			Details: map[string]string{"before_kwh": "357.864", "read_kwh": "0.005", "after_kwh": "358.376"},
		}},
		{"a reset in a gap", func(in *Input) {
			for i := first + 8; i < len(in.Records); i++ {
				in.Records[i].Value -= 357_352
			}
			*in = without(*in, at(60), at(240))
		}, flows.Exception{
			Rule: flows.RuleReset, Severity: flows.SeverityWarning, Key: "2024-07-01T03:00:00Z", Count: 6, Period: flows.Period{From: at(60), To: at(240)},
			Details: map[string]string{"before_kwh": "357.864", "after_kwh": "2.048", "most_kwh": "91.080"},
		}},
		{"two other values", func(in *Input) {
			for _, v := range []Count{7, 6, 7} {
				in.Records = append(in.Records, Record{at(60), v, ValidData, at(900)}, Record{at(60), v, ValidData | PowerFail, at(900)})
			}
		}, flows.Exception{
			Rule: flows.RuleConflict, Severity: flows.SeverityError, Key: "2024-07-01T00:00:00Z", Count: 2, Period: flows.Period{From: at(60), To: at(60)},
			Details: map[string]string{"kept_kwh": "357.864", "others_kwh": "0.006, 0.007"},
		}},
		{"records off the grid", func(in *Input) {
			in.Records = append(in.Records, Record{at(605), 362_500, ValidData, at(900)}, Record{at(71), 357_900, ValidData, at(900)})
		}, flows.Exception{
			Rule: flows.RuleOffGrid, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 2, Period: flows.Period{From: at(71), To: at(605)},
			Details: map[string]string{},
		}},
		{"records from the future, on the day they came", func(in *Input) {
			in.Records = append(in.Records, Record{at(-24*60 + 3), 7, ValidData, at(-24*60 + 1)}, Record{at(24*60 + 15), 7, ValidData, at(-24 * 60)})
		}, flows.Exception{
			Rule: flows.RuleFuture, Severity: flows.SeverityError, Key: "2024-06-30", Count: 2, Period: flows.Period{From: at(-24*60 + 3), To: at(24*60 + 15)},
			Details: map[string]string{"received": "2024-06-30"},
		}},
		{"a spike", func(in *Input) {
			reuse(in, today, func(t time.Time) Count {
				if t.Equal(at(600)) {
					return 2000
				}
				return Count(250 + t.Minute()/30*12)
			})
		}, flows.Exception{
			Rule: flows.RuleSpike, Severity: flows.SeverityInfo, Key: "2024-07-01", Count: 1, Period: flows.Period{From: at(600), To: at(630)},
			Details: map[string]string{"2024-07-01T09:00:00Z": "2.000"},
		}},
		{"a high day", func(in *Input) { reuse(in, today, func(time.Time) Count { return 1030 }) }, flows.Exception{
			Rule: flows.RuleHighLow, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 1, Period: day,
			Details: map[string]string{"kwh": "49.440", "average_kwh": "12.288"},
		}},
		{"a day of zeros", func(in *Input) { reuse(in, today, func(time.Time) Count { return 0 }) }, flows.Exception{
			Rule: flows.RuleZeroRun, Severity: flows.SeverityWarning, Key: "zero", Count: 48, Period: day,
			Details: map[string]string{"average_kwh": "12.288"},
		}},
		{"use while the load is off", func(in *Input) {
			in.Register.LoadOff = []flows.Period{{From: at(30), To: at(60)}, {From: at(240), To: at(360)}}
		}, flows.Exception{
			Rule: flows.RuleUseWhileOff, Severity: flows.SeverityError, Key: "2024-07-01", Count: 5, Period: flows.Period{From: at(30), To: at(360)},
			Details: map[string]string{},
		}},
		{"export that is not allowed", func(in *Input) { in.Register.NoExport, in.Register.Direction = true, flows.Export }, flows.Exception{
			Rule: flows.RuleReverseEnergy, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 48, Period: day,
			Details: map[string]string{},
		}},
		{"reads that stand still", func(in *Input) {
			for n := range 7 {
				in.Reads = append(in.Reads, Read{at(n*60 + 1), 357_357, 2 * time.Second})
			}
		}, flows.Exception{
			Rule: flows.RuleStaleRead, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 2, Period: flows.Period{From: at(1), To: at(361)},
			Details: map[string]string{"still": "reads"},
		}},
		{"a log that stands still", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			for n := range 6 {
				in.Reads = append(in.Reads, Read{at(n*60 + 1), Count(357_352 + n), 2 * time.Second})
			}
		}, flows.Exception{
			Rule: flows.RuleStaleRead, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 1, Period: flows.Period{From: at(1), To: at(301)},
			Details: map[string]string{"still": "log"},
		}},
		{"a month of estimates", func(in *Input) { *in = without(*in, today.AddDate(0, 0, -6), today.AddDate(0, 0, -2)) }, flows.Exception{
			Rule: flows.RuleProlongedEstimation, Severity: flows.SeverityError, Key: "2024-06", Count: 192,
			Period: flows.Period{From: mustTime("2024-05-31T23:00:00Z"), To: mustTime("2024-06-30T23:00:00Z")}, Details: map[string]string{"estimated": "192", "half_hours": "1440"},
		}},
		{"a week without an actual", func(in *Input) { in.Records = in.Records[:len(in.Records)-1-7*48-6] }, flows.Exception{
			Rule: flows.RuleProlongedEstimation, Severity: flows.SeverityError, Key: "no actual", Count: 1,
			Period: flows.Period{From: at((26 - 7*24) * 60), To: at(26 * 60)},
		}},
		{"values that were exported", func(in *Input) {
			v := flows.WattHour
			in.Exported = []flows.Interval{{Start: at(90), Value: &v}, {Start: at(60)}, {Start: at(-9999 * 30), Value: &v}, {Start: at(9999 * 30), Value: &v}}
		}, flows.Exception{
			Rule: flows.RuleReplacedAfterExport, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 2, Period: flows.Period{From: at(60), To: at(120)},
			Details: map[string]string{},
		}},
		{"half-hours that are missing", func(in *Input) { in.Records, in.AsOf = in.Records[:first+40], at(3*24*60) }, flows.Exception{
			Rule: flows.RuleMissing, Severity: flows.SeverityError, Key: "2024-07-01", Count: 9, Period: day,
			Details: map[string]string{"expected": "48", "missing": "9", "surplus": "0", "estimated": "0"},
		}},
		{"records after the register's end, and no others", func(in *Input) {
			in.Register.End, in.AsOf = at(23*60), at(3*24*60)
			in.Records = append(in.Records, Record{at(24*60 + 30), 7, ValidData, at(2000)})
		}, flows.Exception{
			Rule: flows.RuleMissing, Severity: flows.SeverityWarning, Key: "2024-07-01", Count: 1, Period: day,
			Details: map[string]string{"expected": "46", "missing": "0", "surplus": "1", "estimated": "0"},
		}},
	} {
		in, _ := ordinaryMonth()
		c.change(&in)
		if diff := cmp.Diff(c.want, only(t, Judge(in), c.want.Rule, c.want.Key)); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", c.name, diff)
		}
	}
}

// Each flag of a record's status has an exception of its own a day, with how bad it is.
func TestWhatStatusExceptionsSay(t *testing.T) {
	for _, c := range []struct {
		status   Status
		flag     string
		severity flows.Severity
	}{
		{0, "no valid data", flows.SeverityError},
		{ValidData | MajorTimeError, "major time error", flows.SeverityError},
		{ValidData | MinorTimeError, "minor time error", flows.SeverityWarning},
		{ValidData | CommunicationError, "communication error", flows.SeverityWarning},
		{ValidData | PowerFail, "power fail", flows.SeverityInfo},
	} {
		in := tell("2024-06-05T00:00:00Z", "0 10 20 30 40")
		in.Records[1].Status, in.Records[3].Status = c.status, c.status
		want := flows.Exception{
			Rule: flows.RuleStatus, Severity: c.severity, Key: "2024-06-05 " + c.flag, Count: 2,
			Period: flows.Period{From: in.Records[1].Time, To: in.Records[3].Time}, Details: map[string]string{"flag": c.flag},
		}
		var got []flows.Exception
		for _, e := range Judge(in).Exceptions {
			if e.Rule == flows.RuleStatus {
				got = append(got, e)
			}
		}
		if diff := cmp.Diff([]flows.Exception{want}, got); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", c.flag, diff)
		}
	}
}

func TestWhatExceptionsOfAMeterSay(t *testing.T) {
	at := func(hour int) time.Time { return mustTime("2024-06-04T23:00:00Z").Add(time.Duration(hour) * time.Hour) }
	volts := func(at time.Time, phase string, v flows.Voltage) VoltageRead {
		return VoltageRead{Time: at, Phase: phase, Value: v}
	}
	in := MeterInput{
		Zone:   london,
		Drifts: []Drift{{Time: at(0)}},
		Events: []flows.Event{{Time: at(30).In(london), Type: 4}},
		Voltages: []VoltageRead{
			volts(at(40), "L1", 2100), volts(at(41), "L2", 2100), volts(at(50), "L3", 2160), volts(at(45), "L1", 2700), volts(at(44), "L3", 2600), volts(at(46), "L2", 2700),
			volts(at(20), "L1", 2000), volts(at(21), "", 2300), volts(at(39), "L1", 2150),
		},
	}
	want := []flows.Exception{
		{Rule: flows.RuleVoltage, Severity: flows.SeverityWarning, Key: "2024-06-05", Count: 1, Period: flows.Period{From: at(20), To: at(20)},
			Details: map[string]string{"lowest": "200.0 L1"}},
		{Rule: flows.RuleTamper, Severity: flows.SeverityWarning, Key: "4 2024-06-06T05:00:00Z", Count: 1, Period: flows.Period{From: at(30), To: at(30)},
			Details: map[string]string{"event": "BM_TERMINAL_COVER_REMOVED"}},
		{Rule: flows.RuleVoltage, Severity: flows.SeverityWarning, Key: "2024-06-06", Count: 6, Period: flows.Period{From: at(39), To: at(46)},
			Details: map[string]string{"lowest": "210.0 L1", "highest": "270.0 L1"}},
		{Rule: flows.RuleVoltage, Severity: flows.SeverityWarning, Key: "2024-06-07", Count: 1, Period: flows.Period{From: at(50), To: at(50)},
			Details: map[string]string{"lowest": "216.0 L3"}},
	}
	r := JudgeMeter(in)
	if diff := cmp.Diff(want, r.Exceptions); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	if len(r.Ran) != 4 || len(r.NotRun) != 0 {
		t.Errorf("ran %v, not %v", r.Ran, r.NotRun)
	}
}
