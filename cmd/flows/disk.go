package main

import (
	"fmt"
	"syscall"

	"flows"
)

// disk is what the database may fill.
type disk struct {
	DatabaseDisk float64 `name:"database-disk-gb" setting:"FLOWS_DATABASE_DISK_GB" placeholder:"GB" help:"Size of the disk, or of the quota, that the database may fill ($$FLOWS_DATABASE_DISK_GB); when not given, the free space of a server on this machine is asked for."`
}

// Validate is kong's.
func (d disk) Validate() error {
	if d.DatabaseDisk < 0 {
		return usage("FLOWS_DATABASE_DISK_GB must be more than 0, not %g", d.DatabaseDisk)
	}
	return nil
}

// measure finds out how much more the database may grow. Where nobody can know it stays unknown.
func (d disk) measure(s *flows.Storage) {
	const gigabyte = 1e9
	if d.DatabaseDisk > 0 {
		s.SetFree(int64(d.DatabaseDisk*gigabyte) - s.Bytes)
		return
	}
	if s.Directory == "" {
		return
	}
	// The directory may be closed to us; then its disk stays unknown.
	var of syscall.Statfs_t
	if err := syscall.Statfs(s.Directory, &of); err == nil {
		s.SetFree(int64(of.Bavail) * int64(of.Bsize))
	}
}

// size is a number of bytes as people say it.
func size(bytes int64) string {
	n, units := float64(bytes), []string{"B", "kB", "MB", "GB", "TB"}
	for n >= 1000 && len(units) > 1 {
		n, units = n/1000, units[1:]
	}
	if n < 10 && units[0] != "B" {
		return fmt.Sprintf("%.1f %s", n, units[0])
	}
	return fmt.Sprintf("%.0f %s", n, units[0])
}
