package ledger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFaithfulDatabaseHasNoMismatch(t *testing.T) {
	got := Compare(smallFleet, parseAnswers(t, smallAnswers), smallRuns(), parseFacts(t, smallFacts))
	if len(got.Mismatches) > 0 {
		t.Errorf("mismatches:\n%s", got)
	}
	rows := map[string]int{
		"register_import": 4 + 2 + 2, "register_export": 4 + 2 + 2, "meter_prepay_balance": 2, "meter_voltage": 2, "meter_3p_voltage": 1,
		"meter_csq": 3 + 3, "meter_health_history": 15, "meter_event_log": 10, "meter_shadows": 5, "meter_registry": 6,
	}
	if diff := cmp.Diff(rows, got.Expected); diff != "" {
		t.Errorf("expected rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rows, got.Stored); diff != "" {
		t.Errorf("stored rows (-want +got):\n%s", diff)
	}
	const twin, ct, odd = 4 + 2 + 1 + 4 + 10 + 8 + 12 + 11, 2 + 2 + 1 + 2 + 5, 2 + 2 + 2 + 1
	if got, want := got.Answered, twin+ct+odd; got != want {
		t.Errorf("answered %d values, want %d", got, want)
	}
}

// edit replaces one line of a text; "" as the old line adds, as the new one removes.
type edit struct{ old, new string }

func (e edit) of(t *testing.T, text string) string {
	t.Helper()
	if e.old == "" {
		return text + e.new + "\n"
	}
	if strings.Count(text, e.old) != 1 {
		t.Fatalf("%q is there %d times", e.old, strings.Count(text, e.old))
	}
	return strings.Replace(text, e.old, e.new, 1)
}

func TestOneAlteredFactIsOneMismatchThatNamesIt(t *testing.T) {
	for name, c := range map[string]struct {
		edit
		want string
	}{
		"value altered":                {edit{"TWIN read.A 10:00:01.2 17000.001", "TWIN read.A 10:00:01.2 17000"}, "register_import.read.A TWIN 10:00:01.2"},
		"last digit of a counter":      {edit{"CT read.A 10:00:02.2 0.0001", "CT read.A 10:00:02.2 0.001"}, "register_import.read.A CT 10:00:02.2"},
		"spoiled answer stored":        {edit{"ODD read.A 10:00:02.1 0.502", "ODD read.A 10:00:02.1 0.5"}, "register_import.read.A ODD 10:00:02.1"},
		"row missing":                  {edit{"register_export TWIN read.B 10:00:01.2 0.003", ""}, "register_export.read.B TWIN 10:00:01.2"},
		"phase missing":                {edit{"meter_3p_voltage CT voltage_l3 10:00:02.2 239.7", ""}, "meter_3p_voltage.voltage_l3 CT 10:00:02.2"},
		"phase that was refused":       {edit{"", "meter_3p_voltage CT voltage_l2 10:00:02.2 238"}, "meter_3p_voltage.voltage_l2 CT 10:00:02.2"},
		"null row missing":             {edit{"meter_csq DEAD csq 10:00:06 null", ""}, "meter_csq.csq DEAD 10:00:06"},
		"extra row":                    {edit{"", "register_import TWIN read.A 10:30:00.1 0.099"}, "register_import.read.A TWIN 10:30:00.1"},
		"row of a metric not enabled":  {edit{"", "meter_prepay_balance TWIN balance 11:00:01.2 -333.264"}, "meter_prepay_balance.balance TWIN 11:00:01.2"},
		"row doubled":                  {edit{"", "register_import TWIN read.B 10:00:01.2 0"}, "register_import.read.B TWIN 10:00:01.2"},
		"row doubled a second on":      {edit{"", "register_import TWIN read.B 10:00:02.2 0"}, "register_import.read.B TWIN 10:00:02.2"},
		"register under another time":  {edit{"register_import CT read.A 10:00:02.2", "register_import CT read.A 10:00:02.3"}, "register_import.read.A CT 10:00:02.3"},
		"row an hour early":            {edit{"meter_voltage TWIN voltage 10:00:01.2", "meter_voltage TWIN voltage 09:00:01.2"}, "meter_voltage.voltage TWIN 09:00:01.2"},
		"row in another run":           {edit{"meter_health_history TWIN health 10:00:01.2", "meter_health_history TWIN health 11:00:01.3"}, "meter_health_history.health TWIN 11:00:01.3"},
		"table nothing is expected in": {edit{"", "meter_moon TWIN phase 10:00:01.2 3"}, "meter_moon.phase TWIN 10:00:01.2"},
		"three phase voltage of one":   {edit{"", "meter_3p_voltage TWIN voltage_l1 10:00:01.2 238.6"}, "meter_3p_voltage.voltage_l1 TWIN 10:00:01.2"},
		"balance of three phase":       {edit{"", "meter_prepay_balance CT balance 10:00:02.2 0"}, "meter_prepay_balance.balance CT 10:00:02.2"},
		"dead meter with csq":          {edit{"meter_csq DEAD csq 10:00:06 null", "meter_csq DEAD csq 10:00:06 16"}, "meter_csq.csq DEAD 10:00:06"},
		"dead meter healthy":           {edit{"meter_health_history DEAD health 10:00:06 unhealthy", "meter_health_history DEAD health 10:00:06 healthy"}, "meter_health_history.health DEAD 10:00:06"},
		"dead meter with a value":      {edit{"", "meter_voltage DEAD voltage 10:00:03 0"}, "meter_voltage.voltage DEAD 10:00:03"},
		"csq kept by the shadow":       {edit{"meter_shadows ODD csq - null", "meter_shadows ODD csq - 9"}, "meter_shadows.csq ODD 10:00:07"},
		"partly read but healthy":      {edit{"meter_health_history CT health 10:00:02.2 unhealthy", "meter_health_history CT health 10:00:02.2 healthy"}, "meter_health_history.health CT 10:00:02.2"},
		"foreign meter's csq":          {edit{"", "meter_csq ALIEN csq 10:00:05.4 null"}, "meter_csq.csq ALIEN 10:00:05.4"},
		"foreign meter's register":     {edit{"", "register_import ALIEN read.A 11:00:01.1 0.009"}, "register_import.read.A ALIEN 11:00:01.1"},
		"foreign meter's hardware":     {edit{"meter_registry ALIEN hardware - C1.w", "meter_registry ALIEN hardware - B1.w"}, "meter_registry.hardware ALIEN 11:00:30"},
		"foreign frame address":        {edit{"", "meter_registry ALIEN frame_address - 5"}, "meter_registry.frame_address ALIEN 11:00:30"},
		"foreign meter's shadow":       {edit{"", "meter_shadows ALIEN import_a - 0.009"}, "meter_shadows.import_a ALIEN 11:00:30"},
		"event lost":                   {edit{"meter_event_log TWIN event.4 06:00:00 1", ""}, "meter_event_log.event.4 TWIN 06:00:00"},
		"event set wrong":              {edit{"event.33 08:00:00 6", "event.33 08:00:00 7"}, "meter_event_log.event.33 TWIN 08:00:00"},
		"event twice":                  {edit{"", "meter_event_log TWIN event.34 10:59:00 7"}, "meter_event_log.event.34 TWIN 10:59:00"},
		"event a second late":          {edit{"event.52 09:00:00 1", "event.52 09:00:01 1"}, "meter_event_log.event.52 TWIN 09:00:01"},
		"event that is none":           {edit{"", "meter_event_log TWIN event.0 10:58:00 9"}, "meter_event_log.event.0 TWIN 10:58:00"},
		"shadow not as history":        {edit{"TWIN import_a - 17000.002", "TWIN import_a - 17000.001"}, "meter_shadows.import_a TWIN 11:00:01.4"},
		"shadow health":                {edit{"CT health - healthy", "CT health - unhealthy"}, "meter_shadows.health CT 11:00:02.4"},
		"shadow value lost":            {edit{"meter_shadows TWIN load_switch - normal_button_always", ""}, "meter_shadows.load_switch TWIN 11:00:03.1"},
		"shadow element B of one":      {edit{"", "meter_shadows ODD import_b - 0"}, "meter_shadows.import_b ODD 11:00:30"},
		"shadow twice":                 {edit{"", "meter_shadows TWIN csq - 16"}, "meter_shadows.csq TWIN 11:00:30"},
		"clock without its sign":       {edit{"seconds - -431", "seconds - 431"}, "meter_shadows.clock_time_diff_seconds TWIN 11:00:03.5"},
		"clock three seconds off":      {edit{"seconds - -431", "seconds - -429"}, "meter_shadows.clock_time_diff_seconds TWIN 11:00:03.5"},
		"clock without its days":       {edit{"seconds - 180000", "seconds - 7200"}, "meter_shadows.clock_time_diff_seconds CT 11:00:03.5"},
		"clock asked at another time":  {edit{"TWIN clock_time_diff_synced_at - 2026-03-29T11:00:03.4", "TWIN clock_time_diff_synced_at - 2026-03-29T11:00:05.4"}, "meter_shadows.clock_time_diff_synced_at TWIN 11:00:03.5"},
		"price as a number":            {edit{`"unit_rate_element_a": "0.20000"`, `"unit_rate_element_a": 0.20000`}, "meter_shadows.tariffs_active.unit_rate_element_a TWIN 11:00:04.1"},
		"price of the other tariff":    {edit{`"unit_rate_element_b": "0.20003"`, `"unit_rate_element_b": "0.20001"`}, "meter_shadows.tariffs_future.unit_rate_element_b TWIN 11:00:04.1"},
		"mask bit":                     {edit{`"rate1": true`, `"rate1": false`}, "meter_shadows.tariffs_active.threshold_mask.rate1 TWIN 11:00:04.1"},
		"threshold lost":               {edit{`, "th2": 65535`, ``}, "meter_shadows.tariffs_active.threshold_values.th2 TWIN 11:00:04.1"},
		"activation in true time":      {edit{"2026-06-01T00:00:00", "2026-05-31T23:00:00"}, "meter_shadows.tariffs_future.activation_datetime TWIN 11:00:04.1"},
		"price nobody answered":        {edit{`"unit_rate_element_b": null`, `"unit_rate_element_b": "0.00000"`}, "meter_shadows.tariffs_active.unit_rate_element_b ODD 11:00:30"},
		"tariff lost":                  {edit{`meter_shadows ODD tariffs_active - {"standing_charge": "1.00000", "unit_rate_element_b": null, "threshold_mask": null}`, ""}, "meter_shadows.tariffs_active ODD 11:00:04.1"},
		"tariff of three phase":        {edit{"", `meter_shadows CT tariffs_active - {"standing_charge": "1.00000"}`}, "meter_shadows.tariffs_active CT 11:00:30"},
		"firmware altered":             {edit{"firmware_version - 3_03_2", "firmware_version - 3032"}, "meter_registry.firmware_version TWIN 11:00:03.1"},
		"flag turned":                  {edit{"prepay_enabled - true", "prepay_enabled - false"}, "meter_registry.prepay_enabled TWIN 11:00:03.1"},
		"frame address of another":     {edit{"TWIN frame_address - 77", "TWIN frame_address - 78"}, "meter_registry.frame_address TWIN 11:00:30"},
		"first contact lost":           {edit{"meter_registry CT hardware - P1.cx", ""}, "meter_registry.hardware CT 11:00:03.1"},
		"passive meter with a row":     {edit{"", "meter_health_history PASSIVE health 10:00:01 healthy"}, "meter_health_history.health PASSIVE 10:00:01"},
		"passive meter's shadow":       {edit{"", "meter_shadows PASSIVE csq - 16"}, "meter_shadows.csq PASSIVE 11:00:30"},
		"meter of nobody":              {edit{"", "meter_csq STRANGER csq 10:00:01 16"}, "meter_csq.csq STRANGER 10:00:01"},
	} {
		t.Run(name, func(t *testing.T) {
			facts := parseFacts(t, c.edit.of(t, smallFacts))
			expectOne(t, Compare(smallFleet, parseAnswers(t, smallAnswers), smallRuns(), facts), c.want)
		})
	}
}

// What the head-end forgot to ask does not show in the database, so the answers tell.
func TestWhatWasNotAskedIsAMismatch(t *testing.T) {
	for name, c := range map[string]struct {
		answers []edit
		facts   []edit
		want    string
	}{
		"element B": {
			[]edit{{"TWIN fffff8 10:00:01.5 10:00:01.6 ok import_active=0Wh export_active=3Wh", ""}},
			[]edit{{"register_import TWIN read.B 10:00:01.2 0\n", ""}, {"register_export TWIN read.B 10:00:01.2 0.003\n", ""}},
			"register_import.read.B TWIN 10:00:00",
		},
		"one price": {
			[]edit{{"TWIN ffff2e 11:00:04 11:00:04.1 ok price=20000@1/100000_GBP", ""}}, []edit{{`"unit_rate_element_a": "0.20000", `, ``}},
			"meter_shadows.tariffs_active.unit_rate_element_a TWIN 11:00:00",
		},
		"the serial": {
			[]edit{{"TWIN 600100 11:00:03 11:00:03.1 ok serial=TWIN", ""}}, nil, "meter_registry.serial TWIN 11:00:00",
		},
		"the next block of events": {
			[]edit{{"TWIN 636200/1 11:00:02.2 11:00:02.3 ok 07:00:00=34/5 06:00:00=4/1", ""}},
			[]edit{{"meter_event_log TWIN event.4 06:00:00 1", ""}}, "meter_event_log.event TWIN 11:00:00",
		},
		"a reachable meter": {
			[]edit{{"ODD fffd1d 10:00:05.0 - lost\n", ""}, {"ODD fffd1d 10:00:06.0 10:00:06.2 spoiled csq=9 operator=1", ""}}, nil,
			"meter_health_history.health ODD 10:00:04.5",
		},
		"a passive meter should not be": {
			[]edit{{"", "PASSIVE fffd1d 10:00:05.0 10:00:05.1 ok csq=16"}}, nil, "meter_registry.mode PASSIVE 10:00:05",
		},
	} {
		t.Run(name, func(t *testing.T) {
			answers, facts := smallAnswers, smallFacts
			for _, e := range c.answers {
				answers = e.of(t, answers)
			}
			for _, e := range c.facts {
				facts = e.of(t, facts)
			}
			expectOne(t, Compare(smallFleet, parseAnswers(t, answers), smallRuns(), parseFacts(t, facts)), c.want)
		})
	}
}

func expectOne(t *testing.T, r Report, want string) {
	t.Helper()
	if len(r.Mismatches) != 1 {
		t.Fatalf("%d mismatches, want one:\n%s", len(r.Mismatches), r)
	}
	if got := brief(r.Mismatches[0]); got != want {
		t.Errorf("mismatch names\n%s, want\n%s", got, want)
	}
}

func TestAMismatchReadsAsALine(t *testing.T) {
	facts := edit{"TWIN read.A 10:00:01.2 17000.001", "TWIN read.A 10:00:01.2 17000"}.of(t, smallFacts)
	got := Compare(smallFleet, parseAnswers(t, smallAnswers), smallRuns(), parseFacts(t, facts)).String()
	want := "register_import.read.A of TWIN at 2026-03-29T10:00:01.2Z: want 17000.001, got 17000: not what the meter answered\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}
