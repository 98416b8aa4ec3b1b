package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// logger writes text to a terminal and JSON elsewhere.
func logger(w io.Writer) *slog.Logger {
	if terminal(w) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// quiet is for parts whose troubles are part of the show.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
