package main

import (
	"encoding/json"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/syncer"
)

// startSOCKS runs a real SOCKS5 gateway until the test or the returned function ends it.
func startSOCKS(t *testing.T, host, port string) (kill func()) {
	t.Helper()
	path, err := exec.LookPath("microsocks")
	if err != nil {
		t.Skip("SKIPPED: microsocks is not installed: apt-get install microsocks")
	}
	cmd := exec.Command(path, "-i", host, "-p", port, "-u", "flows", "-P", "secret")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	awaited(t, "the gateway", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return kill
}

// awaited asks again and again whether something has come about.
func awaited(t *testing.T, what string, there func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !there(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not come about in 30 s", what)
		}
	}
}

func TestRunThroughAGatewayThatRestartsEndsWell(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(lis.Addr().String())
	lis.Close()
	kill := startSOCKS(t, host, port)
	env := map[string]string{"DATABASE_URL": pgtest.New(t), "METER_SPACING_SECONDS": "0.05", "EMLITE_TIMEOUT_SECONDS": "1",
		"SOCKS_HOST": host, "SOCKS_PORT": port, "SOCKS_USERNAME": "flows", "SOCKS_PASSWORD": "secret"}
	start(t, env, "simulate", "--meters", "24", "--listen", "127.25.0.1:0", "--register", "--fault", "close_after_answer=0.5").await(t, "simulated meters at")
	mediator := start(t, env, "mediator", "--port", "0")
	env["MEDIATOR_SERVER"] = mediator.await(t, `"mediator listens","address":"([^"]+)"`)

	ended := make(chan called, 1)
	go func() { ended <- call(env, "sync", "--freq", "daily", "--json", "--parallel", "6") }()
	awaited(t, "the middle of the run", func() bool {
		return strings.Contains(call(env, "meters", "list", "--json").stdout, `"healthy"`)
	})
	select {
	case c := <-ended:
		t.Fatalf("the run was over before the gateway fell: %s", c.stdout)
	default:
	}
	kill()
	startSOCKS(t, host, port)
	c := <-ended
	var s syncer.Summary
	if err := json.Unmarshal([]byte(c.stdout), &s); err != nil {
		t.Fatal(err)
	}
	if c.code != exitDone || s.Healthy != 24 {
		t.Errorf("exit %d, %+v", c.code, s)
	}
}
