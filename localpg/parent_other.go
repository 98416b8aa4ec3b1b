//go:build !linux

package localpg

import "syscall"

// endWithParent can do nothing here: the next Start ends what a killed process left.
func endWithParent(*syscall.SysProcAttr) {}
