package schema_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/schema"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

type errand struct {
	To string `json:"to" river:"unique"`
}

func (errand) Kind() string { return "errand" }

type runner struct {
	river.WorkerDefaults[errand]
	ran chan<- string
}

func (r *runner) Work(_ context.Context, job *river.Job[errand]) error {
	r.ran <- job.Args.To
	return nil
}

func TestMemberOfRoleFlowsCanInsertAndWorkJobs(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	url := pgtest.New(t)
	admin := connect(t, url)
	user := "worker_of_" + rows(t, admin, `select current_database()`)
	exec(t, admin, `create role `+user+` login in role flows`)
	t.Cleanup(func() { exec(t, connect(t, url), `drop role `+user) })
	pool, err := pgxpool.New(ctx, as(t, url, user))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()

	ran := make(chan string, 3)
	workers := river.NewWorkers()
	river.AddWorker(workers, &runner{ran: ran})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema: "river", Workers: workers, Logger: slog.New(slog.DiscardHandler),
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer client.Stop(context.WithoutCancel(ctx))

	unique := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}
	if _, err := client.Insert(ctx, errand{"shop"}, unique); err != nil {
		t.Fatal("insert:", err)
	}
	if again, err := client.Insert(ctx, errand{"shop"}, unique); err != nil || !again.UniqueSkippedAsDuplicate {
		t.Errorf("insert again: %+v, %v, want it skipped", again, err)
	}
	if _, err := client.InsertManyFast(ctx, []river.InsertManyParams{{Args: errand{"bank"}}, {Args: errand{"post"}}}); err != nil {
		t.Fatal("insert with COPY:", err)
	}
	got := map[string]bool{}
	for range 3 {
		select {
		case e := <-done:
			if e.Kind != river.EventKindJobCompleted {
				t.Errorf("%s: %+v", e.Kind, e.Job.Errors)
			}
			got[<-ran] = true
		case <-ctx.Done():
			t.Fatal("no job was worked")
		}
	}
	if !got["shop"] || !got["bank"] || !got["post"] || len(ran) > 0 {
		t.Errorf("worked on %v and %d more, want shop, bank, post", got, len(ran))
	}
	if got, want := rows(t, admin, `select state, count(*) from river.river_job group by 1`), "completed 3"; got != want {
		t.Errorf("jobs in schema river: got %s, want %s", got, want)
	}
}

func TestQueueGoesWithTheRunsEvenWhenItIsFull(t *testing.T) {
	url := pgtest.New(t)
	// Two of one key: done, and waiting again.
	exec(t, connect(t, url), `insert into river.river_job (kind, args, unique_key, unique_states, state, finalized_at) values
		('k', '{}', 'x', '10000000', 'completed', now()), ('k', '{}', 'x', '10000000', 'available', null), ('k', '{}', null, null, 'pending', null)`)
	for range schema.Version() - 8 {
		if _, err := schema.Down(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	if got := objects(t, url); strings.Contains(got, "river") {
		t.Errorf("left of the queue: %s", got)
	}
	up(t, url)
	if got, want := rows(t, connect(t, url), `select count(*) from river.river_job`), "0"; got != want {
		t.Errorf("jobs after up again: got %s, want %s", got, want)
	}
}

func TestWhatSomebodyElseHasInSchemaRiverStays(t *testing.T) {
	url := pgtest.New(t)
	exec(t, connect(t, url), `create table river.theirs (id int)`)
	for range schema.Version() - 8 {
		if _, err := schema.Down(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	if got := objects(t, url); !strings.HasSuffix(got, "r river.theirs") && !strings.Contains(got, "r river.theirs\n") || strings.Contains(got, "river_job") {
		t.Errorf("left: %s", got)
	}
	up(t, url)
}

func TestFailedMigrationOfRiverIsNamedAndGoneOnWith(t *testing.T) {
	url := pgtest.Empty(t)
	conn := connect(t, url)
	exec(t, conn, `create schema river; create table river.river_leader (mine int)`)
	_, err := schema.Up(t.Context(), url)
	if err == nil || !strings.HasPrefix(err.Error(), "migrations of River failed: ") || !strings.Contains(err.Error(), "version 002") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	exec(t, conn, `drop table river.river_leader`)
	if r := up(t, url); r.From != schema.Version() || len(r.Applied) != known(t)-int(schema.Version())-1 || r.Applied[0].Name != "river: initial schema" {
		t.Errorf("up after it was mended: %+v, want the rest of River's", r)
	}
}

func TestUserWhoMayNotMakeTheQueuesSchemaIsToldSo(t *testing.T) {
	url := pgtest.Empty(t)
	admin := connect(t, url)
	user := "tenant_of_" + rows(t, admin, `select current_database()`)
	exec(t, admin, `create role `+user+` login; create schema flows authorization `+user)
	t.Cleanup(func() { exec(t, connect(t, url), `drop schema flows cascade; drop owned by `+user+`; drop role `+user) })
	_, err := schema.Up(t.Context(), as(t, url, user))
	if err == nil || !strings.HasPrefix(err.Error(), "cannot create schema river (does this user own the database?): ") {
		t.Errorf("got %v", err)
	}
}
