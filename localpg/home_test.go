package localpg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestDirectoryInUseIsRefused(t *testing.T) {
	s := mustStart(t, Options{Dir: madeData(t)})
	_, err := Start(t.Context(), Options{Dir: s.Dir()})
	if !errors.Is(err, ErrInUse) || !strings.HasPrefix(err.Error(), s.Dir()) {
		t.Errorf("got %v", err)
	}
	if got, want := psql(t, s, "SELECT 42"), "42"; got != want {
		t.Errorf("the first one's answer: got %q, want %q", got, want)
	}
}

func TestServerStartedByHandIsLeftAlone(t *testing.T) {
	s := mustStart(t, Options{Dir: madeData(t)})
	mustStop(t, s)
	hand := s.program.command(s.data, "postgres", "-D", s.data, "-k", s.data, "-c", "listen_addresses=")
	done, err := spawn(hand)
	if err != nil {
		t.Fatal(err)
	}
	byHand := &Server{cmd: hand, done: done, data: s.data, program: s.program}
	defer byHand.end()
	if err := byHand.awaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: s.Dir()}); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	if !answers(filepath.Join(s.data, ".s.PGSQL."+port)) {
		t.Error("the other server has ended")
	}
}

// A server without a parent, as it is found where the kernel does not end it.
func TestOrphanIsStoppedAndItsDataKept(t *testing.T) {
	orphan := mustStart(t, Options{Dir: madeData(t)})
	psql(t, orphan, "CREATE TABLE orphaned AS SELECT 42 AS n")
	if err := orphan.home.lock.Close(); err != nil {
		t.Fatal(err)
	}
	s := mustStart(t, Options{Dir: orphan.Dir()})
	<-orphan.Done()
	if got, want := psql(t, s, "SELECT n FROM orphaned"), "42"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOrphanOfThrowawayIsStoppedAndRemoved(t *testing.T) {
	base := publicDir(t)
	t.Setenv("TMPDIR", base)
	thrown := filepath.Join(base, prefix+"1")
	if out, err := exec.Command("cp", "-a", madeData(t), thrown).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	orphan := mustStart(t, Options{Dir: thrown})
	if err := orphan.home.lock.Close(); err != nil {
		t.Fatal(err)
	}
	mustStart(t, Options{Dir: madeData(t)})
	<-orphan.Done()
	mustBeGone(t, thrown)
}

func TestSweepTakesWhatNobodyHolds(t *testing.T) {
	base := t.TempDir()
	held, err := throwawayHome(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"flows-pg-1/data", "flows-pg-2", "flows-pg-mine/data", "other"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "flows-pg-1", lockName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(base, "other"), filepath.Join(base, "flows-pg-link")); err != nil {
		t.Fatal(err)
	}
	sweep(t.Context(), base, program{out: &tail{}})
	mustBeGone(t, filepath.Join(base, "flows-pg-1"))
	mustBeGone(t, filepath.Join(base, "flows-pg-2"))
	for _, path := range []string{held.dir, base + "/other", base + "/flows-pg-link", base + "/flows-pg-mine/data"} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
	if err := held.close(); err != nil {
		t.Error(err)
	}
	mustBeGone(t, held.dir)
}

func TestSweepNeverTakesWhatAnotherJustMade(t *testing.T) {
	base := t.TempDir()
	var makers, sweeper sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		sweeper.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					sweep(t.Context(), base, program{out: &tail{}})
				}
			}
		})
	}
	for range 4 {
		makers.Go(func() {
			for range 150 {
				h, err := throwawayHome(base)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.Mkdir(filepath.Join(h.dir, "data"), 0o700); err != nil {
					t.Error(err)
				}
				if err := h.close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	close(stop)
	sweeper.Wait()
}

func TestForeignContentIsNotTouched(t *testing.T) {
	for name, file := range map[string]string{"a file": "data", "a full folder": "data/letter.txt"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(publicDir(t), file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("dear"), 0o644); err != nil {
				t.Fatal(err)
			}
			dir := strings.TrimSuffix(path, "/"+file)
			if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "data")) {
				t.Errorf("got %v", err)
			}
			if got, err := os.ReadFile(path); string(got) != "dear" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestHalfMadeDataIsMadeAnew(t *testing.T) {
	dir := publicDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, want := psql(t, mustStart(t, Options{Dir: dir}), "SELECT 42"), "42"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	mustBeGone(t, filepath.Join(dir, "data.new"))
}
