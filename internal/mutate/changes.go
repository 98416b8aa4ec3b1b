package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strings"
)

// others are the operators that may stand in an operator's place.
var others = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.LAND: token.LOR, token.LOR: token.LAND, token.AND: token.OR, token.OR: token.AND,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
}

var otherWords = map[string]string{"min": "max", "max": "min", "true": "false", "false": "true"}

// mutant is a change: a piece of a file is replaced.
type mutant struct {
	file     string
	from, to int
	text     string
	was      string
	line     int
	column   int
	body     *ast.FuncDecl // of the function; nil outside of one
	broken   bool          // does not compile
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s → %s", filepath.Base(m.file), m.line, m.column, oneLine(m.was), cmp.Or(oneLine(m.text), "left out"))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// applied makes the change in a text that begins at an offset of the file.
func (m *mutant) applied(text string, offset int) string {
	return text[:m.from-offset] + m.text + text[m.to-offset:]
}

// finder finds what can be changed in a file.
type finder struct {
	path, src string
	file      *token.File
	body      *ast.FuncDecl
	found     []mutant
}

func (f *finder) decl(d ast.Decl) {
	f.body, _ = d.(*ast.FuncDecl)
	if g, ok := d.(*ast.GenDecl); ok && g.Tok != token.CONST && g.Tok != token.VAR || f.body != nil && f.body.Body == nil {
		return
	}
	root := ast.Node(d)
	if f.body != nil {
		root = f.body.Body
	}
	ast.Inspect(root, func(n ast.Node) bool {
		f.look(n)
		return true
	})
}

func (f *finder) look(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.operator(n.OpPos, n.Op)
		if n.Op == token.LAND || n.Op == token.LOR {
			f.replace(n, f.text(n.X))
			f.replace(n, f.text(n.Y))
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.replace(n, f.text(n.X))
		}
	case *ast.IfStmt:
		f.replace(n.Cond, "!("+f.text(n.Cond)+")")
	case *ast.SwitchStmt:
		f.conditions(n)
	case *ast.BasicLit:
		if n.Kind == token.INT || n.Kind == token.FLOAT {
			f.replace(n, "("+n.Value+"+1)")
			f.replace(n, "("+n.Value+"-1)")
		}
	case *ast.Ident:
		if other, ok := otherWords[n.Name]; ok {
			f.replace(n, other)
		}
	case *ast.AssignStmt:
		f.operator(n.TokPos, n.Tok)
		if n.Tok != token.DEFINE {
			f.replace(n, "")
		}
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.BranchStmt:
		f.replace(n, "")
	case *ast.ReturnStmt:
		f.results(n)
	}
}

// conditions turns round those of a switch without a value.
func (f *finder) conditions(n *ast.SwitchStmt) {
	for _, s := range n.Body.List {
		for _, e := range s.(*ast.CaseClause).List {
			if n.Tag == nil {
				f.replace(e, "!("+f.text(e)+")")
			}
		}
	}
}

// results leaves out an early return, and returns nothing instead of something.
func (f *finder) results(n *ast.ReturnStmt) {
	if f.body != nil && n.End() < f.body.Body.Rbrace-1 {
		f.replace(n, "")
	}
	for _, r := range n.Results {
		for _, zero := range []string{"nil", "0", `""`} {
			f.replace(r, zero)
		}
	}
}

func (f *finder) operator(at token.Pos, op token.Token) {
	if other, ok := others[op]; ok {
		f.add(f.file.Offset(at), f.file.Offset(at)+len(op.String()), other.String())
	}
}

func (f *finder) replace(n ast.Node, text string) {
	f.add(f.file.Offset(n.Pos()), f.file.Offset(n.End()), text)
}

func (f *finder) add(from, to int, text string) {
	if was := f.src[from:to]; was != text {
		at := f.file.Position(f.file.Pos(from))
		f.found = append(f.found, mutant{file: f.path, from: from, to: to, text: text, was: was, line: at.Line, column: at.Column, body: f.body})
	}
}

func (f *finder) text(n ast.Node) string { return f.src[f.file.Offset(n.Pos()):f.file.Offset(n.End())] }
