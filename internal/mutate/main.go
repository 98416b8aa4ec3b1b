// Command mutate asks whether a package's tests would notice if its code were wrong. It makes small changes to the code, one at a time:
// another operator, a constant one off, a condition turned round, a statement left out. It runs the tests with each and names the changes
// that no test minds. Each of those is a hole in the tests, or makes no difference, which a person has to judge.
//
//	go run ./internal/mutate [-checks 100] [-at 'clock.go:8\d:'] ./vee
//
// All changes inside functions are compiled into one test binary, which is told by its environment which of them to make. The package's
// tests have to use rapid, and to be quick.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	checks := flag.Int("checks", 100, "rapid's checks for what the first few let through")
	at := flag.String("at", "", "only changes whose line, as it is printed, matches this expression")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("mutate: name one package, such as ./vee")
	}
	if err := mutate(flag.Arg(0), regexp.MustCompile(*at), *checks); err != nil {
		log.Fatal("mutate: ", err)
	}
}

func mutate(pkg string, at *regexp.Regexp, checks int) error {
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	p, err := load(pkg, work, at)
	if err != nil {
		return err
	}
	if err := p.buildAll(); err != nil {
		return err
	}
	begun := time.Now()
	if o := p.run(all, 0, few, time.Hour); o != lived {
		return fmt.Errorf("the tests of %s fail without any change; make them pass first", pkg)
	}
	limit := 10*time.Since(begun) + time.Second
	counts := map[outcome]int{}
	for i := range p.mutants {
		m := &p.mutants[i]
		binary := all
		if m.body == nil {
			binary = "one.test"
			m.broken = p.build(map[string]string{m.file: m.applied(p.sources[m.file], 0)}, binary) != nil
		}
		o := noBuild
		if !m.broken {
			o = p.run(binary, i+1, few, limit)
		}
		if o == lived {
			o = p.run(binary, i+1, checks, limit*time.Duration(1+checks/few))
		}
		if counts[o]++; o == lived {
			fmt.Println(m)
		}
	}
	fmt.Printf("%d changes, %d found, %d timed out, %d not found; %d more do not compile\n",
		len(p.mutants)-counts[noBuild], counts[killed], counts[timedOut], counts[lived], counts[noBuild])
	return nil
}

// few checks of rapid find most changes.
const few = 5

// all is the binary with all changes inside functions; each of the others needs a binary of its own.
const all = "all.test"

// target is the package whose tests are asked.
type target struct {
	path, dir, work string
	sources         map[string]string
	mutants         []mutant
}

func load(pkg, work string, at *regexp.Regexp) (*target, error) {
	out, err := exec.Command("go", "list", "-f", `{{.Dir}}{{range .GoFiles}}{{"\n"}}{{.}}{{end}}`, pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("%s is no package: %w", pkg, err)
	}
	lines := strings.Fields(string(out))
	p := &target{path: pkg, dir: lines[0], work: work, sources: map[string]string{}}
	for _, name := range lines[1:] {
		path := filepath.Join(p.dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		p.sources[path] = string(src)
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, src, 0)
		if err != nil {
			return nil, err
		}
		f := finder{path: path, src: string(src), file: set.File(file.Pos())}
		for _, d := range file.Decls {
			f.decl(d)
		}
		p.mutants = append(p.mutants, slices.DeleteFunc(f.found, func(m mutant) bool {
			return !at.MatchString(m.String())
		})...)
	}
	return p, nil
}

// buildAll makes the binary with all changes inside functions, leaving out what the compiler refuses.
func (p *target) buildAll() error {
	named := regexp.MustCompile(`mutant(\d+)\.go`)
	for {
		files := map[string]string{filepath.Join(p.dir, "mutate__.go"): fmt.Sprintf(chooser, filepath.Base(p.dir))}
		for path := range p.sources {
			files[path] = p.withChanges(path)
		}
		err := p.build(files, all)
		if err == nil {
			return nil
		}
		refused := named.FindAllStringSubmatch(err.Error(), -1)
		if refused == nil {
			return err
		}
		for _, r := range refused {
			n, _ := strconv.Atoi(r[1])
			p.mutants[n-1].broken = true
		}
	}
}

// chooser is added to the package. A change may eat all memory, which must not be everybody's.
const chooser = `package %s

import ("os"; "strconv"; "syscall")

var mutant__ = func() int {
	syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: 1 << 31, Max: 1 << 31})
	n, _ := strconv.Atoi(os.Getenv("MUTANT"))
	return n
}()
`

// withChanges gives a file whose functions begin with a switch between their changed selves.
func (p *target) withChanges(path string) string {
	src := p.sources[path]
	cases := map[*ast.FuncDecl]string{}
	for i, m := range p.mutants {
		if m.file != path || m.body == nil || m.broken {
			continue
		}
		end := "return"
		if m.body.Type.Results != nil {
			end = `panic("the end of a function")`
		}
		from, to := int(m.body.Body.Pos())-1, int(m.body.Body.End())-1
		cases[m.body] += fmt.Sprintf("case %d:\n//line mutant%d.go:1\n%s\n%s\n", i+1, i+1, m.applied(src[from:to], from), end)
	}
	functions := make([]*ast.FuncDecl, 0, len(cases))
	for f := range cases {
		functions = append(functions, f)
	}
	slices.SortFunc(functions, func(a, b *ast.FuncDecl) int { return cmp.Compare(b.Pos(), a.Pos()) })
	for _, f := range functions { // from the end, so that offsets hold
		at := int(f.Body.Lbrace)
		src = src[:at] + "\nswitch mutant__ {\n" + cases[f] + "}\n//line " + filepath.Base(path) + ":1\n" + src[at:]
	}
	return src
}

func (p *target) build(files map[string]string, binary string) error {
	replace := map[string]string{}
	for path, text := range files {
		replace[path] = filepath.Join(p.work, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	path := filepath.Join(p.work, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return err
	}
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-e", "-ldflags=-s -w", "-overlay", path, "-o", filepath.Join(p.work, binary), p.path).CombinedOutput()
	if err != nil {
		return errors.New(string(bytes.TrimSpace(out)))
	}
	return nil
}

type outcome int

const (
	noBuild outcome = iota
	lived
	killed
	timedOut
)

// run runs the tests, always with the same random numbers. A test that fails is not made smaller: nobody reads it.
func (p *target) run(binary string, id, checks int, limit time.Duration) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(p.work, binary), "-test.failfast", "-rapid.nofailfile", "-rapid.shrinktime=1ns", "-rapid.seed=1", "-rapid.checks="+strconv.Itoa(checks))
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "MUTANT="+strconv.Itoa(id))
	switch err := cmd.Run(); {
	case err == nil:
		return lived
	case ctx.Err() != nil:
		return timedOut
	}
	return killed
}
