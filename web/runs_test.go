package web

// runShelf is that part of the shelf.
type runShelf struct{}
