package schema_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegistersFollowTheHardware(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct{ hardware, want string }{
		{"", ""}, {"C1.w", "A enabled\nB enabled"}, {"B1.w", "A enabled"}, {"EMA1.w", "A enabled"}, {"P1.ax", "SINGLE enabled"},
		{"P1.cx", "SINGLE enabled"}, {"AX", "SINGLE enabled"}, {"CX", "SINGLE enabled"}, {"something new", "A enabled"},
		{"-> C1.w", "A enabled\nB enabled"}, {"-> P1.ax", "SINGLE enabled"}, {"X9 -> C1.w", "A enabled\nB enabled"},
		{"C1.w -> C1.w", "A enabled\nB enabled"}, {"C1.w ->", "A enabled\nB enabled"}, {"C1.w -> B1.w", "A enabled\nB replaced"},
		{"B1.w -> P1.ax -> B1.w", "A enabled"}, {"C1.w -> B1.w -> C1.w", "A enabled\nB enabled\nB replaced"},
	} {
		t.Run(c.hardware, func(t *testing.T) {
			undone(t, conn)
			first, rest, _ := strings.Cut(c.hardware, "->")
			id := meter(t, conn, "M1", strings.TrimSpace(first))
			before := rows(t, conn, `select register_id::text from flows.meter_registers where element <> 'B' and status = 'enabled'`)
			if strings.Contains(c.hardware, "->") {
				for next := range strings.SplitSeq(rest, "->") {
					exec(t, conn, `update flows.meter_registry set hardware = nullif($2, '') where id = $1`, id, strings.TrimSpace(next))
				}
			}
			got := rows(t, conn, `select element, status from flows.meter_registers order by element, status`)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := rows(t, conn, `select register_id::text from flows.meter_registers where element <> 'B' and status = 'enabled'`); before != "" && got != before {
				t.Error("the first register has another id, so its history is cut")
			}
		})
	}
}

func TestHardwareAndFirstReadsComeInOneTransaction(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "")
	exec(t, conn, `begin`)
	exec(t, conn, `update flows.meter_registry set hardware = 'C1.w' where id = $1`, id)
	exec(t, conn, `update flows.meter_shadows set import_a = 1, import_b = 2, read_at = '2026-01-01 00:00Z' where id = $1`, id)
	exec(t, conn, `commit`)
	if got, want := rows(t, conn, reads("import")), "A 1 2026-01-01 00:00:00\nB 2 2026-01-01 00:00:00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOneEnabledRegisterPerElement(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	for _, element := range []string{"A", "B", "SINGLE"} {
		if _, err := conn.Exec(t.Context(), `insert into flows.meter_registers (meter_id, element) values ($1, $2)`, id, element); err == nil {
			t.Errorf("a second enabled %s was accepted", element)
		}
		exec(t, conn, `insert into flows.meter_registers (meter_id, element, status) values ($1, $2, 'replaced')`, id, element)
	}
	exec(t, conn, `update flows.meter_shadows set import_a = 1 where id = $1`, id)
	if got, want := rows(t, conn, `select count(*) from flows.register_import`), "1"; got != want {
		t.Errorf("reads stored: got %s, want %s: replaced registers take no reads", got, want)
	}
}

func TestFrameAddressBelongsToTheAddress(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct{ name, set, want string }{
		{"another address", `ip_address = '10.0.0.2'`, "null"},
		{"no address", `ip_address = null`, "null"},
		{"another port", `port = 8081`, "null"},
		{"the same place", `ip_address = '10.0.0.1', port = 8080`, "6320"},
		{"another column", `name = 'shop'`, "6320"},
		{"another address with its frame address", `ip_address = '10.0.0.2', frame_address = 16777215`, "16777215"},
		{"another address with the old frame address", `ip_address = '10.0.0.2', frame_address = 6320`, "null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			id := rows(t, conn, `insert into flows.meter_registry (serial, ip_address, frame_address) values ('M1', '10.0.0.1', 6320) returning id::text`)
			if got := rows(t, conn, `update flows.meter_registry set `+c.set+` where id = $1 returning coalesce(frame_address::text, 'null')`, id); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRegistryRefusesWhatCannotBe(t *testing.T) {
	conn := migrated(t)
	exec(t, conn, `insert into flows.meter_registry (serial, ip_address) values ('M1', '10.0.0.1')`)
	exec(t, conn, `insert into flows.meter_registry (serial) values ('M2'), ('M3')`)
	for _, c := range []struct{ columns, values string }{
		{"serial", "'M1'"}, {"serial", "''"}, {"serial, ip_address", "'X', '10.0.0.1'"}, {"serial, ip_address", "'X', '10.0.0.0/24'"},
		{"serial, port", "'X', 0"}, {"serial, port", "'X', 65536"}, {"serial, mode", "'X', 'asleep'"}, {"serial, phases", "'X', 4"},
		{"serial, frame_address", "'X', 16777216"}, {"serial, esco", "'X', gen_random_uuid()"},
	} {
		if _, err := conn.Exec(t.Context(), `insert into flows.meter_registry (`+c.columns+`) values (`+c.values+`)`); err == nil {
			t.Errorf("accepted: (%s) = (%s)", c.columns, c.values)
		}
	}
}

func TestMetersForCLIAreTheActiveOnesThatPassTheFilters(t *testing.T) {
	conn := migrated(t)
	exec(t, conn, `insert into flows.escos (code, name) values ('Alpha', 'Alpha Energy')`)
	exec(t, conn, `insert into flows.meter_registry (serial, esco, feeder, mode, ip_address, hardware) select s, e.id, f, m, a::inet, 'C1.w'
		from flows.escos e, (values ('M1', 'north', 'active', '10.0.0.1'), ('M2', 'south', 'active', null), ('M3', 'north', 'passive', '10.0.0.3')) v (s, f, m, a)`)
	exec(t, conn, `insert into flows.meter_registry (serial) values ('M4')`)
	exec(t, conn, `update flows.meter_shadows set csq = 12, health = 'healthy'`)
	for _, c := range []struct{ call, want string }{
		{`get_meters_for_cli()`, "M1 M2 M4"}, {`get_meters_for_cli('', '')`, "M1 M2 M4"}, {`get_meters_for_cli('ALPHA', null)`, "M1 M2"},
		{`get_meters_for_cli(esco_filter => 'alpha', feeder_filter => 'North')`, "M1"}, {`get_meters_for_cli('nobody')`, ""},
	} {
		if got := rows(t, conn, `select coalesce(string_agg(serial, ' '), '') from flows.`+c.call); got != c.want {
			t.Errorf("%s: got %s, want %s", c.call, got, c.want)
		}
	}
	want := `{"ip_address":"10.0.0.1","serial":"M1","name":null,"single_meter_app":false,"esco":"Alpha","csq":12,"health":"healthy","hardware":"C1.w","feeder":"north"}`
	got := rows(t, conn, `select (row_to_json(m)::jsonb - 'id' = $1::jsonb) from flows.get_meters_for_cli('alpha', 'north') m`, want)
	if got != "true" {
		t.Errorf("row: %s", rows(t, conn, `select row_to_json(m)::text from flows.get_meters_for_cli('alpha', 'north') m`))
	}
}
