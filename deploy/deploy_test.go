// Package deploy_test holds the files that go beside a running Flows against what Flows is.
package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"flows"
	"flows/mediator"
	"flows/web"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	rules   = "prometheus/flows.rules.yml"
	tests   = "prometheus/flows_test.yml"
	runbook = "../docs/runbook.md"
)

// alert is what these tests look at; whether the rest of the file is right says promtool.
type alert struct{ name, severity, runbook string }

var alertField = regexp.MustCompile(`(?m)^ +(labels: \{severity|runbook): (\S+?)\}?$`)

func alerts(t *testing.T) (list []alert) {
	t.Helper()
	for _, text := range strings.Split(read(t, rules), "- alert: ")[1:] {
		a := alert{}
		a.name, _, _ = strings.Cut(text, "\n")
		for _, m := range alertField.FindAllStringSubmatch(text, -1) {
			if m[1] == "runbook" {
				a.runbook = m[2]
			} else {
				a.severity = m[2]
			}
		}
		list = append(list, a)
	}
	if len(list) < 10 {
		t.Fatalf("%s has %d alerts: they are not found", rules, len(list))
	}
	return list
}

// exposed gives the metrics of web and mediator, each with its labels.
type exposed map[string][]string

var described = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)

// Register is a prometheus.Registerer's.
func (e exposed) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc)
	go func() { c.Describe(all); close(all) }()
	for d := range all {
		m := described.FindStringSubmatch(d.String())
		e[m[1]] = strings.Split(m[2], ",")
	}
	return nil
}

// MustRegister is a prometheus.Registerer's.
func (e exposed) MustRegister(list ...prometheus.Collector) {
	for _, c := range list {
		_ = e.Register(c)
	}
}

// Unregister is a prometheus.Registerer's.
func (exposed) Unregister(prometheus.Collector) bool { return false }

// labelValues are those that a selector may ask for.
func labelValues() map[string][]string {
	return map[string][]string{
		"kind":      words(flows.NeedKinds),
		"frequency": words(flows.Frequencies),
		"severity":  words([]flows.Severity{flows.SeverityCritical, flows.SeverityError, flows.SeverityWarning, flows.SeverityInfo}),
		"rule":      words([]flows.Rule{flows.RuleReversal, flows.RuleMaxEnergy, flows.RuleClock, flows.RuleConflict}),
		"code":      append(words([]flows.Code{flows.Gateway, flows.Unreachable}), "OK"),
		"health":    {"healthy", "unhealthy", "never_run"},
	}
}

func words[T ~string](list []T) (text []string) {
	for _, w := range list {
		text = append(text, string(w))
	}
	return text
}

var (
	metric   = regexp.MustCompile(`\b(flows_\w+)(?:\{([^}]*)\})?`)
	comment  = regexp.MustCompile(`(?m)^ *#.*$`)
	selected = regexp.MustCompile(`(\w+)=~?"([^"]*)"`)
)

// everything is what the web role and mediators expose.
func everything(t *testing.T) exposed {
	t.Helper()
	known := exposed{}
	o := mediator.Defaults()
	o.Metrics = known
	if _, err := mediator.New(nil, o); err != nil {
		t.Fatal(err)
	}
	known.MustRegister(web.NewCollector(nil))
	return known
}

// named holds the metrics that a text names against those known, and gives their labels.
func (e exposed) named(t *testing.T, file, text string) (of [][]string) {
	t.Helper()
	values := labelValues()
	for _, m := range metric.FindAllStringSubmatch(text, -1) {
		name, selectors := m[1], m[2]
		labels, ok := e[name]
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if !ok {
				labels, ok = e[strings.TrimSuffix(name, part)]
			}
		}
		if !ok {
			t.Errorf("%s names %s, which nobody exposes", file, name)
			continue
		}
		of = append(of, labels)
		for _, s := range selected.FindAllStringSubmatch(selectors, -1) {
			if s[1] == "job" || s[1] == "instance" || s[1] == "quantile" {
				continue // Prometheus's own
			}
			if !slices.Contains(labels, s[1]) {
				t.Errorf("%s: %s has no label %s", file, name, s[1])
			}
			for v := range strings.SplitSeq(s[2], "|") {
				if !slices.Contains(values[s[1]], v) {
					t.Errorf("%s: no %s is ever called %s", file, s[1], v)
				}
			}
		}
	}
	return of
}

func TestAlertsNameWhatIsExposed(t *testing.T) {
	known := everything(t)
	for _, file := range []string{rules, tests} {
		known.named(t, file, comment.ReplaceAllString(read(t, file), ""))
	}
}

func TestEveryAlertHasAnEntryInTheRunbook(t *testing.T) {
	book := map[string]string{}
	for _, entry := range strings.Split(read(t, runbook), "\n## ")[1:] {
		title, text, _ := strings.Cut(entry, "\n")
		book[title] = text
	}
	for _, a := range alerts(t) {
		if want := "docs/runbook.md#" + strings.ToLower(a.name); a.runbook != want {
			t.Errorf("%s: its runbook is %q, want %q", a.name, a.runbook, want)
		}
		for _, part := range []string{"**Means**", "**Look**", "**Do**", "    flows "} {
			if !strings.Contains(book[a.name], part) {
				t.Errorf("%s: its entry in the runbook has no %q", a.name, part)
			}
		}
		severity, _, _ := strings.Cut(strings.TrimSpace(book[a.name]), ".")
		if severity = strings.ToLower(severity); severity != a.severity || severity != "page" && severity != "ticket" {
			t.Errorf("%s: severity %q, and %q in the runbook", a.name, a.severity, severity)
		}
		delete(book, a.name)
	}
	for title := range book {
		if strings.HasPrefix(title, "Flows") {
			t.Errorf("the runbook has an entry of %s, which is no alert", title)
		}
	}
}

func TestEveryAlertIsSeenToFireAndToBeSilent(t *testing.T) {
	text := read(t, tests)
	for _, a := range alerts(t) {
		if !strings.Contains(text, "alertname: "+a.name+", eval_time") {
			t.Errorf("%s is never seen silent", a.name)
		}
		fires := regexp.MustCompile(`alertname: ` + a.name + `\n.*\n +exp_alerts: \[\{exp_labels|exp_samples: \[\{labels: 'ALERTS\{alertname="` + a.name + `"`)
		if !fires.MatchString(text) {
			t.Errorf("%s is never seen to fire", a.name)
		}
	}
}

// promtool is Prometheus's own tool, where there is one.
func promtool(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		tool, err = exec.LookPath("../bin/promtool") // .ci/packages puts it there
	}
	if err != nil {
		t.Skip("SKIPPED: promtool is not installed: apt-get install prometheus")
	}
	return tool
}

func TestPromtoolAgrees(t *testing.T) {
	tool := promtool(t)
	for _, what := range [][]string{{"check", "rules", rules}, {"test", "rules", tests}} {
		if out, err := exec.CommandContext(t.Context(), tool, what...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(what, " "), err, out)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
