package web

// exceptionShelf is that part of the shelf.
type exceptionShelf struct{}
