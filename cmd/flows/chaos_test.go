//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"flows/localpg"
	"flows/postgres"
	"flows/schema"
	"flows/simulator"
)

var (
	chaosSeed  = flag.Uint64("chaos.seed", 0, "seed of TestChaos; 0 = FLOWS_CHAOS_SEED, or a random one")
	chaosSeeds = flag.Uint64("chaos.seeds", 0, "run TestChaos with the seeds 1 to this one")
)

const (
	chaosMeters = 300
	chaosEvery  = 20 * time.Second // an hour of the test
	chaosSpan   = 48 * time.Second // within which the failures come
)

// TestChaos kills everything but the meters while a fleet is being read, and then looks at what must never happen: a value that no meter
// answered, a value twice, a value that was acknowledged and is not there, a tick lost or doubled, a job that waits for ever.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	seeds := []uint64{*chaosSeed}
	if text := os.Getenv("FLOWS_CHAOS_SEED"); text != "" && *chaosSeed == 0 {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("FLOWS_CHAOS_SEED: %v", err)
		}
		seeds = []uint64{seed}
	}
	if seeds[0] == 0 {
		seeds[0] = 1 + rand.Uint64N(1_000_000)
	}
	if *chaosSeeds > 0 {
		seeds = nil
		for seed := uint64(1); seed <= *chaosSeeds; seed++ {
			seeds = append(seeds, seed)
		}
	}
	for i, seed := range seeds {
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { withstand(t, seed) }) {
			t.Fatalf("seed %d failed after %d that did not; again with: go test ./cmd/flows -run '^TestChaos$' -v -chaos.seed %d", seed, i, seed)
		}
	}
	t.Logf("seeds that came out right: %v", seeds)
}

// chaos is an installation to be broken.
type chaos struct {
	t         *testing.T
	ctx       context.Context
	env       map[string]string
	dir       string
	database  *localpg.Server
	proxy     *commitProxy
	fleet     *simulator.Fleet
	mediators []*member
	servers   []*member
}

func withstand(t *testing.T, seed uint64) {
	plan := planOf(seed, chaosSpan)
	t.Logf("seed %d: %d meters, every %v; the failures:", seed, chaosMeters, chaosEvery)
	for _, f := range plan {
		t.Logf("  %v", f)
	}
	c := &chaos{t: t, ctx: t.Context()}
	c.startDatabase()
	c.startFleet(seed)
	c.startFlows()
	c.suffer(plan)

	calm := time.Now()
	last := nextTick(calm)
	c.awaitTick(last)
	for _, m := range c.servers {
		m.stop()
	}
	c.finish()
	c.check(calm, last)
}

// startDatabase runs a PostgreSQL that promises to keep what it has acknowledged, and the proxy before it.
func (c *chaos) startDatabase() {
	c.t.Helper()
	c.dir = c.t.TempDir()
	for _, d := range []string{c.dir, filepath.Dir(c.dir)} { // PostgreSQL may run as another user
		if err := os.Chmod(d, 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	c.runDatabase()
	c.t.Cleanup(func() { _ = c.database.Stop() })
	conn := c.connect()
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := conn.QueryRow(c.ctx, "show "+setting).Scan(&value); err != nil {
			c.t.Fatal(err)
		}
		c.t.Logf("%s = %s", setting, value)
		if value != "on" {
			c.t.Fatalf("%s is %s: the test would prove nothing", setting, value)
		}
	}
	if _, err := schema.Up(c.ctx, c.databaseURL()); err != nil {
		c.t.Fatal(err)
	}
	c.proxy = startProxy(c.t, c.databaseURL())
}

func (c *chaos) runDatabase() {
	c.t.Helper()
	var err error
	if c.database, err = localpg.Start(c.ctx, localpg.Options{Dir: filepath.Join(c.dir, "pg")}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) databaseURL() string { return c.database.URL("postgres") }

// connect goes past the proxy.
func (c *chaos) connect() *pgx.Conn {
	c.t.Helper()
	conn, err := pgx.Connect(c.ctx, c.databaseURL())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (c *chaos) startFleet(seed uint64) {
	c.t.Helper()
	o := simulator.Demo(chaosMeters, seed)
	o.Spacing, o.Listen = simulatedTiming.Spacing.duration(), "127.24.0.1:0"
	o.Latency = simulator.Latency{Median: 40 * time.Millisecond, P99: 300 * time.Millisecond}
	c.fleet = simulator.New(o)
	if err := c.fleet.Start(c.ctx); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { c.fleet.Stop() })
	store, err := postgres.Open(c.ctx, c.databaseURL())
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	a, _, _ := testApp(c.ctx)
	if _, _, err := registerFleet(a, store, c.fleet, ""); err != nil {
		c.t.Fatal(err)
	}
}

// startFlows runs two mediators and two servers, each of which may make the runs and lead the queue.
func (c *chaos) startFlows() {
	c.t.Helper()
	c.env = map[string]string{
		"DATABASE_URL": c.proxy.url, "METER_SPACING_SECONDS": "0.05", "EMLITE_TIMEOUT_SECONDS": "1", "MAX_PARALLEL_JOBS": "8",
		"FLOWS_HTTP_ADDR": "127.0.0.1:0", "FLOWS_SCHEDULE_HOURLY": "@every " + chaosEvery.String(), "FLOWS_SCHEDULE_12HOURLY": "off",
		"FLOWS_SCHEDULE_DAILY": "off", "FLOWS_JOB_TIMEOUT_SECONDS": "10", "FLOWS_JOB_RESCUE_SECONDS": "15", "FLOWS_RETRY_SECONDS": "3",
	}
	var addresses string
	for i := range 2 {
		port := freePort(c.t)
		m := startMember(c.t, fmt.Sprintf("mediator %d", i), c.env, "mediator", "--port", port)
		c.mediators = append(c.mediators, m)
		addresses += m.await().Address + ","
	}
	c.env["MEDIATOR_SERVER"] = addresses[:len(addresses)-1]
	// So that a plan meets the ticks in the same places whenever it is carried out.
	<-time.After(time.Until(nextTick(time.Now())))
	for i := range 2 {
		c.servers = append(c.servers, startMember(c.t, fmt.Sprintf("server %d", i), c.env, "serve", "--roles", "scheduler,worker"))
	}
	for _, m := range c.servers {
		m.await()
	}
}

func nextTick(now time.Time) time.Time { return now.Truncate(chaosEvery).Add(chaosEvery) }

// freePort is for a process that must come back at the same address: below the ports that the system gives to whoever asks for any.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if lis, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			lis.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// suffer carries the plan out.
func (c *chaos) suffer(plan []failure) {
	c.t.Helper()
	began := time.Now()
	var cuts, thawed []<-chan struct{}
	for _, f := range plan {
		<-time.After(time.Until(began.Add(f.after)))
		switch f.kind {
		case killWorker:
			c.kill(c.servers[f.which], f)
		case killMediator:
			c.kill(c.mediators[f.which], f)
		case killLeader:
			c.kill(c.leader(), f)
		case killDatabase:
			if err := c.database.Kill(f.how); err != nil {
				c.t.Fatal(err)
			}
			<-time.After(f.pause)
			c.runDatabase()
			c.proxy.pointTo(c.databaseURL())
		case freezeWorker:
			m := c.servers[f.which]
			poll(c.t, 10*time.Second, m.name+" to run, so that it can be frozen", func() bool {
				awake := m.freeze(f.freeze())
				if awake != nil {
					thawed = append(thawed, awake)
				}
				return awake != nil
			})
		case cutCommit:
			cuts = append(cuts, c.proxy.cutCommit())
		}
		c.t.Logf("%5.2fs done: %v", time.Since(began).Seconds(), f)
	}
	for _, cut := range cuts {
		select {
		case <-cut:
		case <-time.After(2 * chaosEvery):
			c.t.Fatal("no COMMIT of a save came that could be cut: is nothing saved any more?")
		}
	}
	for _, awake := range thawed {
		<-awake
	}
	c.t.Logf("%d COMMITs were cut from their answers", len(cuts))
}

func (c *chaos) kill(m *member, f failure) {
	c.t.Helper()
	poll(c.t, 10*time.Second, m.name+" to run, so that it can be killed", func() bool { return m.kill(f.pause) })
}

// leader is the server that leads the queue.
func (c *chaos) leader() (leader *member) {
	c.t.Helper()
	conn := c.connect()
	poll(c.t, time.Minute, "a leader of the queue", func() bool {
		var id string
		if err := conn.QueryRow(c.ctx, "select leader_id from river.river_leader where expires_at > now()").Scan(&id); err != nil {
			return false
		}
		for _, m := range c.servers {
			if up := m.running(); up != nil && up.Client == id {
				leader = m
			}
		}
		return leader != nil
	})
	return leader
}

// awaitTick waits until the last run has all its jobs.
func (c *chaos) awaitTick(last time.Time) {
	c.t.Helper()
	conn := c.connect()
	poll(c.t, time.Until(last)+15*time.Second, "the run of "+clock(last), func() bool {
		var listed bool
		err := conn.QueryRow(c.ctx, "select listed_at is not null from flows.sync_runs where scheduled_for = $1", last).Scan(&listed)
		return err == nil && listed
	})
}

// finish has the work done that is left, with nothing new and no trouble.
func (c *chaos) finish() {
	c.t.Helper()
	c.env["FLOWS_SCHEDULE_HOURLY"], c.env["MAX_PARALLEL_JOBS"] = "off", "16"
	m := startMember(c.t, "last server", c.env, "serve", "--roles", "scheduler,worker")
	conn, began := c.connect(), time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	left := waiting(c.ctx, conn)
	for late := time.After(2 * time.Minute); len(left) > 0; left = waiting(c.ctx, conn) {
		select {
		case <-tick.C:
		case <-late:
			for _, job := range left {
				c.t.Errorf("waits for ever: %s", job)
			}
			c.t.FailNow()
		}
	}
	c.t.Logf("the rest was done within %.1fs", time.Since(began).Seconds())
	m.await()
	m.stop()
}
