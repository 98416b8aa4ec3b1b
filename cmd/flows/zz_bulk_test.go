package main

import (
	"github.com/jackc/pgx/v5"
	"os"
	"os/exec"
	"testing"
	"flows/localpg"
	"flows/schema"
	"fmt"
	"time"
)

func TestBulkHost(t *testing.T) {
	s, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil { t.Fatal(err) }
	defer s.Stop()
	url := s.URL("postgres")
	if _, err := schema.Up(t.Context(), url); err != nil { t.Fatal(err) }
	for _, n := range []int{100000, 1000000} {
		begun := time.Now()
		psql := exec.Command("sh", "-c", "true")
		_ = psql
		if err := execMany(t, url, fmt.Sprintf(`insert into flows.meter_registry (serial, ip_address) select 'EML' || lpad(i::text, 10, '0'), '10.0.0.0'::inet + i from generate_series(%d, %d) i`, n/10*boolInt(n>100000)+1, n)); err != nil { t.Fatal(err) }
		t.Log("inserted", n, time.Since(begun))
		cmd := exec.Command("go", "test", "../../mediator", "-run", "TestBulk$", "-v", "-count=1")
		cmd.Env = append(os.Environ(), "BULK_URL="+url)
		out, _ := cmd.CombinedOutput()
		t.Log(string(out))
	}
}
func boolInt(b bool) int { if b { return 1 }; return 0 }
func execMany(t *testing.T, url, sql string) error {
	c, err := pgx.Connect(t.Context(), url)
	if err != nil { return err }
	defer c.Close(t.Context())
	_, err = c.Exec(t.Context(), sql)
	return err
}
