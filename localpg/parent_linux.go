package localpg

import "syscall"

// endWithParent lets the kernel send a fast shutdown when the thread that started the process ends.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }
