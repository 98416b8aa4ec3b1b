package schema_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// notified gives what was told on the channel while the statement ran, a line a notification. A notification of our own marks the end.
func notified(t *testing.T, listener, conn *pgx.Conn, sql string) string {
	t.Helper()
	exec(t, conn, sql)
	exec(t, conn, `notify flows_meter_registry, 'end'`)
	var told []string
	for {
		n, err := listener.WaitForNotification(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if n.Payload == "end" {
			return strings.Join(told, "\n")
		}
		told = append(told, n.Payload)
	}
}

func TestChangedAddressesAreToldOnceAStatement(t *testing.T) {
	conn := migrated(t)
	listener := connect(t, conn.Config().ConnString())
	exec(t, listener, `listen flows_meter_registry`)
	exec(t, conn, `set role flows`)
	for _, c := range []struct{ name, sql, want string }{
		{"new meters", `insert into meter_registry (serial, ip_address) values ('M1', '10.0.0.1'), ('N"2', null)`, `["M1", "N\"2"]`},
		{"no new meter", `insert into meter_registry (serial) select 'X' where false`, ""},
		{"address", `update meter_registry set ip_address = '10.0.0.3' where serial = 'M1'`, `["M1"]`},
		{"port of both", `update meter_registry set port = 8081`, `["M1", "N\"2"]`},
		{"serial tells the old one too", `update meter_registry set serial = 'M3' where serial = 'M1'`, `["M1", "M3"]`},
		{"the same address", `update meter_registry set ip_address = ip_address, port = 8081, serial = serial`, ""},
		{"other columns", `update meter_registry set hardware = 'C1.w', firmware_version = '1', name = 'shop'`, ""},
		{"only what differs", `update meter_registry set ip_address = '10.0.0.3'::inet where serial = 'M3';
			update meter_registry set ip_address = case serial when 'M3' then '10.0.0.3' else '10.0.0.4' end::inet`, `["N\"2"]`},
		{"address removed", `update meter_registry set ip_address = null where serial = 'M3'`, `["M3"]`},
		{"deleted", `delete from meter_registry where serial = 'M3'`, `["M3"]`},
		{"rolled back", `begin; delete from meter_registry; rollback`, ""},
		{"as many as fit", `insert into meter_registry (serial) select 'S' || i from generate_series(10000, 10299) i`, "300 serials"},
		{"more than fit", `insert into meter_registry (serial) select 'T' || i from generate_series(1, 5000) i`, "*"},
		{"more than fit changed", `update meter_registry set port = 9`, "*"},
		{"more than fit deleted", `delete from meter_registry`, "*"},
	} {
		got := notified(t, listener, conn, c.sql)
		if c.want == "300 serials" {
			if n := strings.Count(got, `"S10`); n != 300 || strings.Contains(got, "\n") {
				t.Errorf("%s: %d serials in %s", c.name, n, got)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
