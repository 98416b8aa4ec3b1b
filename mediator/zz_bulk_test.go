package mediator

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"flows/postgres"
)

type adapter struct{ *postgres.Store }

func (a adapter) Meters(ctx context.Context, esco string) ([]byte, error) { return nil, nil }

func TestBulk(t *testing.T) {
	store, err := postgres.Open(t.Context(), os.Getenv("BULK_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	i := newIndex(adapter{store}, slog.Default())
	for range 3 {
		var u0, u1 syscall.Rusage
		syscall.Getrusage(0, &u0)
		begun := time.Now()
		if err := i.readAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begun)
		syscall.Getrusage(0, &u1)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b, _ := os.ReadFile("/proc/self/status")
		_ = b
		t.Logf("%d meters in %s, our CPU %s, live heap %.1f MB, sys %.1f MB, maxrss %d MB", i.size(), took,
			time.Duration(u1.Utime.Nano()-u0.Utime.Nano()+u1.Stime.Nano()-u0.Stime.Nano()), float64(after.HeapAlloc-before.HeapAlloc)/1e6, float64(after.Sys)/1e6, u1.Maxrss/1024)
	}
}
