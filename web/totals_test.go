package web

// totalShelf is that part of the shelf.
type totalShelf struct{}
