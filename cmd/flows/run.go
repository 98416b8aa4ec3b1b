package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"flows"
)

// Exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1 // done, but something failed or needs a person
	exitUsage       = 2
	exitNotDone     = 3 // for a reason that is not a meter's
	exitInterrupted = 130
)

// cli is every subcommand. Settings of the environment stand with the flag that wins over them.
type cli struct {
	Demo       demoCmd       `cmd:"" help:"Everything on this machine: a private database, a simulated fleet, a mediator, and the syncing of it."`
	Serve      serveCmd      `cmd:"" help:"Run the schedule, the workers and the pages of an installation."`
	Sync       syncCmd       `cmd:"" help:"Read every due meter once into the database."`
	Backfill   backfillCmd   `cmd:"" help:"Read half-hours of a past period from meters that still hold them."`
	Export     exportCmd     `cmd:"" help:"Half-hours and register reads as CSV."`
	Vee        veeCmd        `cmd:"" help:"What validation of half-hours has found, and what people say to it."`
	Status     statusCmd     `cmd:"" help:"Is everything all right, and if not, what must a person do?"`
	Read       readCmd       `cmd:"" help:"Read one object of one meter now, through its mediator."`
	Clock      clockCmd      `cmd:"" help:"The meters' clocks."`
	Mediator   mediatorCmd   `cmd:"" help:"Run the gRPC server between syncers and meters."`
	Simulate   simulateCmd   `cmd:"" help:"Run a fleet of simulated meters."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database schema up or down, or show where it stands."`
	Meters     metersCmd     `cmd:"" help:"The meter registry."`
	Escos      escosCmd      `cmd:"" help:"The energy service companies that own meters."`
	Metrics    metricsCmd    `cmd:"" help:"What is read of a meter, and how often."`
	Certs      certsCmd      `cmd:"" help:"Certificates of mediators and of who calls them."`
	Config     configCmd     `cmd:"" help:"Show what is in force and where each value came from."`
	Completion completionCmd `cmd:"" help:"Print a script that completes command lines in bash, zsh or fish."`
	Version    versionCmd    `cmd:"" help:"Print commit and schema version."`
}

// app is what every command gets.
type app struct {
	ctx            context.Context
	stdout, stderr io.Writer
	log            *slog.Logger
	getenv         func(string) string
}

// exit is an error with the exit code it deserves. Without an error it only sets the code.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// usage is an error of the person at the keyboard.
func usage(format string, args ...any) error { return exit{exitUsage, fmt.Errorf(format, args...)} }

// helpShown ends parsing after --help.
type helpShown struct{}

func run(args []string, stdout, stderr io.Writer, getenv func(string) string) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(helpShown); !ok {
				panic(p)
			}
			code = exitDone
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("flows"),
		kong.Description("Flows reads prepayment electricity meters into PostgreSQL on a schedule."),
		kong.Writers(stdout, stderr),
		kong.Vars{"faults": faultNames()},
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.Resolvers(environment(getenv)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
	if err != nil {
		return fail(stderr, fmt.Errorf("command line: %w", err))
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(stderr, exit{exitUsage, err})
	}
	a := &app{ctx: ctx, stdout: stdout, stderr: stderr, log: logger(stderr), getenv: getenv}
	code = fail(stderr, parsed.Run(a, parser))
	if code != exitDone && ctx.Err() != nil {
		return exitInterrupted
	}
	return code
}

// fail prints an error on one line and gives its exit code.
func fail(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if text := printable(err.Error()); text != "" {
		fmt.Fprintln(stderr, "flows: "+text)
	}
	var e exit
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	var f *flows.Error
	if errors.As(err, &f) && f.Code.Owner() == flows.TheMeters {
		return exitFailed
	}
	return exitNotDone
}

// secrets are how PEM begins, plain and in base64: a key can stand where it does not belong.
var secrets = []string{"-----BEGIN", base64.StdEncoding.EncodeToString([]byte("-----BEGIN ")[:9])}

// printable makes one line of an error's text and cuts it where PEM begins.
func printable(text string) string {
	for _, begin := range secrets {
		if before, _, found := strings.Cut(text, begin); found {
			text = before + "… (PEM, not shown)"
		}
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines, "; ")
}
