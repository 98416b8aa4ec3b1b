package web

// gapShelf is that part of the shelf.
type gapShelf struct{}
