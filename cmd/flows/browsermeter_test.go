//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"flows/internal/browser"
)

// inks tells of each half-hour of the first lane how many pixels, from the top of its bar down, have the colour of what is actual, and how
// many have not.
const inks = `(() => {
	const u = document.querySelector("figure[data-kind=bars]").uplot, c = u.ctx;
	c.save();
	c.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--actual").trim();
	const actual = [1, 3, 5].map((i) => parseInt(c.fillStyle.slice(i, i + 2), 16));
	c.restore();
	const { data, width } = c.getImageData(0, 0, c.canvas.width, c.canvas.height);
	const bottom = Math.round(u.valToPos(0, "y", true)) - 8; // not the axis and its marks
	return u.data[0].map((at) => {
		const x = Math.round(u.valToPos(at, "x", true));
		let ink = 0, paper = 0;
		for (let y = Math.round(u.bbox.top); y < bottom; y++) {
			const i = 4 * (y * width + x);
			if (data[i + 3] > 128 && actual.every((part, n) => Math.abs(part - data[i + n]) < 24)) ink++;
			else if (ink > 0) paper++;
		}
		return { ink, paper };
	});
})()`

// drawsGaps looks at the canvas itself: what the script says of it may be wrong.
func drawsGaps(s screen) {
	p := s.page()
	s.open(p, "/meters/"+s.chart+"?day="+s.day)
	series := browser.Eval[map[string][]*float64](p, `(() => { const u = document.querySelector("figure[data-kind=bars]").uplot;
		return Object.fromEntries(u.series.slice(1).map((s, i) => [s.label, u.data[i + 1]])); })()`)
	ink := browser.Eval[[]struct{ Ink, Paper int }](p, inks)
	drawn := browser.Eval[string](p, `document.querySelector("figure[data-kind=bars]").dataset.drawn`)
	if want := fmt.Sprintf("bars:43 actual:39 derived:0 estimated:4 gaps:%d", len(ink)-43); drawn != want || len(ink) < 46 { // when clocks are changed
		s.Errorf("drawn %s, want %s", drawn, want)
	}
	for slot := range ink {
		want := "actual"
		switch {
		case slot >= 20 && slot < 24:
			want = "estimated"
		case slot == 30 || slot >= 44:
			want = "nothing"
		}
		var data []string
		for quality, values := range series {
			if v := values[slot]; v != nil {
				data = append(data, fmt.Sprint(quality, " ", *v))
			}
		}
		if got := strings.Join(data, ", "); want == "nothing" && got != "" || want != "nothing" && got != want+" 0.25" {
			s.Errorf("half-hour %d has %q, want %s", slot, got, want)
		}
		seen := "actual"
		switch i := ink[slot]; {
		case i.Ink == 0:
			seen = "nothing"
		case i.Ink > 5 && i.Paper > 5: // stripes
			seen = "estimated"
		}
		if seen != want {
			s.Errorf("half-hour %d looks %s (%+v), want %s", slot, seen, ink[slot], want)
		}
	}
}

func hasKeys(s screen) {
	p := s.page()
	s.open(p, "/meters/"+s.chart+"?day="+s.day)
	p.Press(browser.Left)
	before := s.text(`select ($1::date - 1)::text`, s.day)
	p.Wait(fmt.Sprintf(`new URLSearchParams(location.search).get("day") === %q`, before))
	s.settled(p)
	p.Press(browser.Right)
	p.Wait(fmt.Sprintf(`new URLSearchParams(location.search).get("day") === %q`, s.day))
	s.settled(p)
	shown := `[...document.querySelectorAll("details.behind")].filter((d) => d.open).length`
	for _, want := range []string{"> 0", "=== 0"} {
		if browser.Eval[bool](p, shown+want) {
			continue
		}
		p.Press("t")
		p.Wait(shown + want)
	}
	p.Press("t")
	p.Wait(shown + "> 0")
	for _, path := range []string{"/", "/meters", "/meters/" + s.serial, "/runs", "/exceptions", "/gaps", "/totals"} {
		s.open(p, path)
		s.tabThrough(p, path)
	}
}

// tabThrough presses Tab until the page has been gone through.
func (s screen) tabThrough(p *browser.Page, path string) {
	s.Helper()
	// Live parts that are replaced would begin anew.
	browser.Eval[bool](p, `dispatchEvent(new Event("pagehide"))`)
	wanted := browser.Eval[int](p, `(() => { window.met = new Set(); window.blind = new Set();
		window.stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter((e) => e.checkVisibility());
		document.addEventListener("focusin", ({ target }) => { met.add(target);
			if (getComputedStyle(target).outlineStyle === "none" || !target.matches(":focus-visible")) blind.add(target); });
		return stops.length; })()`)
	parts := browser.Eval[int](p, `document.querySelectorAll("input[type=date]").length * 4`) // day, month, year, calendar
	for range wanted + parts + 1 {
		p.Press(browser.Tab)
	}
	const list = `.map((e) => e.outerHTML.slice(0, 100)).join("\n")`
	if left := browser.Eval[string](p, `stops.filter((e) => !met.has(e))`+list); left != "" {
		s.Errorf("%s: Tab leads nowhere near\n%s", path, left)
	}
	if blind := browser.Eval[string](p, `[...blind]`+list); blind != "" {
		s.Errorf("%s: one does not see that the focus is on\n%s", path, blind)
	}
	s.Logf("%4d stops %s", wanted, path)
}

func readsNow(s screen) {
	const balance = `[...document.querySelectorAll("dl.values div")].find((d) => d.querySelector("dt").innerText === "Balance").querySelector("dd").innerText`
	const wrong = "999.99"
	if _, err := s.conn.Exec(s.Context(), `update flows.meter_shadows set balance = $2 where id = (select id from flows.meter_registry where serial = $1)`, s.serial, wrong); err != nil {
		s.Fatal(err)
	}
	p := s.page()
	s.open(p, "/meters/"+s.serial)
	if got := browser.Eval[string](p, balance); !strings.HasPrefix(got, wrong) {
		s.Fatalf("the balance is %q before", got)
	}
	answers := func() (pounds float64) {
		if err := json.Unmarshal([]byte(strings.Fields(mustCall(s.T, s.env, "read", s.serial, "prepay_balance").stdout)[0]), &pounds); err != nil {
			s.Fatal(err)
		}
		return pounds
	}
	most := answers()
	p.Click(`form[action$="/read"] button`)
	p.Wait(`location.search.includes("asked=read")`)
	browser.Eval[bool](p, `window.same = true`)
	p.Wait(fmt.Sprintf(`!%s.startsWith(%q)`, balance, wrong))
	if !browser.Eval[bool](p, `window.same === true`) {
		s.Error("the page was loaded again")
	}
	got := browser.Eval[float64](p, `Number(`+balance+`.replace("−", "-").replace(/[^0-9.-]/g, ""))`)
	const penny = 0.01 // the page cuts what is finer
	if least := answers(); got > most+penny || got < least-penny {
		s.Errorf("the page shows %v, the meter answered %v before and %v after", got, most, least)
	}
}

func fillsLive(s screen) {
	last := s.text(`select max(id) from flows.sync_runs`)
	done := make(chan called, 1)
	go func() { done <- call(s.env, "sync", "--freq", "hourly", "--parallel", "3") }()
	var run string
	poll(s.T, time.Minute, "a run", func() bool {
		run = s.text(`select id from flows.sync_runs where id > $1::text::bigint and finished_at is null`, last)
		return run != ""
	})
	p := s.page()
	s.open(p, "/runs/"+run)
	browser.Eval[bool](p, `window.same = true`)
	// Each state that one sees of it is kept.
	browser.Eval[bool](p, `(() => { const look = () => seen.add(document.querySelector("progress").value); window.seen = new Set(); look(); document.addEventListener("placed", look); return true; })()`)
	if browser.Eval[bool](p, `seen.has(100)`) {
		s.Error("it was over when one looked: the test proves nothing")
	}
	p.Wait(`document.querySelector("progress").value === 100`)
	p.Wait(`document.querySelector("#state").innerText.includes("ended")`)
	if c := <-done; c.code > exitFailed {
		s.Errorf("sync: exit %d %s", c.code, c.stderr)
	}
	want := s.text(`select healthy, unhealthy from flows.sync_runs where id = $1::text::bigint`, run)
	p.Wait(fmt.Sprintf(`(([h, u]) => document.querySelector("#state").innerText.match(/(\d+) healthy/)[1] === h && document.querySelector("#state").innerText.match(/(\d+) unhealthy/)[1] === u)(%q.split(" "))`, want))
	if steps := browser.Eval[int](p, `seen.size`); steps < 3 || !browser.Eval[bool](p, `window.same === true`) {
		s.Errorf("%d states were seen", steps)
	}
}
