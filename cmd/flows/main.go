// Command flows is the head-end: it parses a command line, wires the packages together, calls them and prints.
package main

import (
	"os"
	_ "time/tzdata" // an image without it would have every ESCO in UTC
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv)) }
