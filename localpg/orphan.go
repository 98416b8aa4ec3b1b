package localpg

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clusterName marks our servers, in `ps` and in the options file that each leaves in its data directory.
const clusterName = "flows-private"

// orphanLimit is how long an ending server may take from closing its socket to removing its pid file.
const orphanLimit = 3 * time.Second

// pidFile is what a postmaster keeps in postmaster.pid.
type pidFile struct {
	pid    int
	socket string
	status string // starting, stopping, ready, standby
}

// readPidFile returns pid 0 where there is none.
func readPidFile(data string) pidFile {
	content, _ := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	lines := append(strings.Split(string(content), "\n"), make([]string, 8)...) // the last ones come late
	pid, _ := strconv.Atoi(lines[0])
	return pidFile{
		pid:    pid,
		socket: filepath.Join(lines[4], ".s.PGSQL."+lines[3]),
		status: strings.TrimSpace(lines[7]),
	}
}

// endOrphan stops the server that a killed process of ours left in data, whose lock we hold. A pid may be somebody
// else's by now: only a server that answers is stopped. One that was started by hand is ErrInUse.
func endOrphan(ctx context.Context, data string, p program) error {
	limit := time.After(orphanLimit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		f := readPidFile(data)
		if f.pid <= 0 || syscall.Kill(f.pid, 0) != nil {
			return nil
		}
		if answers(f.socket) {
			return stopOrphan(ctx, data, p)
		}
		select {
		case <-tick.C:
		case <-limit:
			return nil // PostgreSQL itself knows best whether this is in use
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func stopOrphan(ctx context.Context, data string, p program) (err error) {
	options, err := os.ReadFile(filepath.Join(data, "postmaster.opts"))
	if err != nil || !strings.Contains(string(options), clusterName) {
		return fmt.Errorf("%s %w", data, ErrInUse)
	}
	if p.user, err = userFor(data); err != nil {
		return err
	}
	err = p.run(ctx, data, "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
	if f := readPidFile(data); f.pid == 0 {
		return nil // it had been ending by itself
	}
	return err
}
