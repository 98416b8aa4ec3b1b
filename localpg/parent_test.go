package localpg

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asParent, when set, makes the test binary a process that starts a server in that folder, says so, and waits.
const asParent = "LOCALPG_TEST_PARENT"

type parentReport struct {
	Pid    int
	Dir    string
	Answer string
}

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(asParent); ok {
		os.Exit(parent(dir))
	}
	code := m.Run()
	if err := os.RemoveAll(workDir()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func parent(dir string) int {
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out, _ := exec.Command(filepath.Join(s.program.dir, "psql"), "-XAtq", s.URL("postgres"), "-c", "SELECT 42").CombinedOutput()
	if err := json.NewEncoder(os.Stdout).Encode(parentReport{s.cmd.Process.Pid, s.Dir(), strings.TrimSpace(string(out))}); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startParent runs parent as another user, or as ours when who is nil.
func startParent(t *testing.T, dir string, who *syscall.Credential) (*exec.Cmd, io.Closer, parentReport) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asParent+"="+dir)
	if who != nil {
		cmd.Path = publicCopy(t, os.Args[0])
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			in.Close()
			_ = cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no report of the parent: %v", err)
	}
	var report parentReport
	if err := json.Unmarshal(line, &report); err != nil {
		t.Fatal(err)
	}
	return cmd, in, report
}

func TestServerEndsWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a child that its parent has ended")
	}
	t.Setenv("TMPDIR", publicDir(t))
	living := mustStart(t, Options{})
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, _, report := startParent(t, "", nil)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			awaitEnd(t, report.Pid)

			if _, err := os.Stat(report.Dir); err != nil {
				t.Errorf("the test shows nothing: %v", err)
			}
			mustStart(t, Options{Dir: madeData(t)})
			mustBeGone(t, report.Dir)
			if got, want := psql(t, living, "SELECT 42"), "42"; got != want {
				t.Errorf("the living one's answer: got %q, want %q", got, want)
			}
		})
	}
}

func TestKeptDirectoryStartsRightAfterItsParentWasKilled(t *testing.T) {
	dir := madeData(t)
	cmd, _, report := startParent(t, dir, nil)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s := mustStart(t, Options{Dir: dir}) // the first one may still be ending
	if got, want := psql(t, s, "SELECT 42"), "42"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	awaitEnd(t, report.Pid)
}

func TestOrdinaryUserNeedsNoOther(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("every other test shows it when this is not root")
	}
	nobody, err := osuser.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	who := &syscall.Credential{}
	if _, err := fmt.Sscan(nobody.Uid+" "+nobody.Gid, &who.Uid, &who.Gid); err != nil {
		t.Fatal(err)
	}
	base := publicDir(t)
	if err := os.Chmod(base, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", base)
	for name, dir := range map[string]string{"throwaway": "", "kept": filepath.Join(base, "kept")} {
		t.Run(name, func(t *testing.T) {
			cmd, in, report := startParent(t, dir, who)
			if got, want := report.Answer, "42"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			info, err := os.Stat(filepath.Join(report.Dir, "data"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := ownerOf(info).Uid, who.Uid; got != want {
				t.Errorf("owner of the data: got %d, want %d", got, want)
			}
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("it did not stop well: %v", err)
			}
			if dir == "" {
				mustBeGone(t, report.Dir)
			}
		})
	}
	t.Run("root goes on with that user's data as that user", func(t *testing.T) {
		s := mustStart(t, Options{Dir: filepath.Join(base, "kept")})
		if got, want := s.program.user.cred.Uid, who.Uid; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
		if got, want := psql(t, s, "SELECT 42"), "42"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestClosedFolderOnTheWayIsNamed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
	closed := filepath.Join(publicDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: filepath.Join(closed, "db")})
	if err == nil || !strings.Contains(err.Error(), "may not enter "+closed+":") {
		t.Errorf("got %v", err)
	}
	t.Setenv("TMPDIR", closed)
	if got, want := filepath.Dir(mustStart(t, Options{}).Dir()), shortBase; got != want {
		t.Errorf("throwaway directory in %s, want %s", got, want)
	}
}

// awaitEnd waits for a process that is nobody's child here. A process that only waits to be reaped has ended.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func publicCopy(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(publicDir(t), "parent.test")
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}
