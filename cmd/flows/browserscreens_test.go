//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"flows/internal/browser"

	"github.com/jackc/pgx/v5"
)

var screenshots = flag.String("screenshots", "", "TestScreenshots writes pictures of the pages into this folder")

// TestScreenshots takes pictures of a demo's pages, as soon as it has all half-hours and some runs.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("takes pictures: make screenshots")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	s := screen{Browser: browser.New(t)}
	s.T = t
	s.showDemo()
	meter := s.text(`select '/meters/' || r.serial || '?day=' || d.day from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where d.direction = 'import' and d.day < current_date
		order by d.estimated between 4 and 20 desc, exists (select from flows.register_interval_hh i where i.register_id = g.register_id and i.export_interval > 0) desc,
			d.day desc, r.serial, g.element limit 1`)
	run := s.text(`select '/runs/' || max(id) from flows.sync_runs where frequency = 'hourly' and finished_at is not null`)
	for _, page := range []struct{ name, path string }{
		{"fleet", "/"}, {"meters", "/meters"}, {"meter", meter}, {"week", meter + "&view=week"}, {"runs", "/runs"}, {"run", run}, {"gaps", "/gaps"}, {"exceptions", "/exceptions"},
		{"totals", "/totals"}, {"api", "/api"},
	} {
		p := s.page()
		for _, look := range []struct {
			name, scheme string
			width        int
		}{{"light", "light", 1240}, {"dark", "dark", 1240}, {"phone", "light", 390}} {
			p.Size(look.width, 900)
			p.Scheme(look.scheme)
			s.open(p, page.path)
			file := filepath.Join(*screenshots, page.name+"-"+look.name+".png")
			if err := os.WriteFile(file, smaller(t, p.Picture(look.width, 1400)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// showDemo runs the demo until there is something to see of it.
func (s *screen) showDemo() {
	s.Helper()
	c := &demoCmd{Meters: 60, Every: 5 * time.Second, Seed: 1, HTTP: "127.0.0.1:0"}
	lis, err := c.listen()
	if err != nil {
		s.Fatal(err)
	}
	s.base = "http://" + lis.Addr().String()
	ctx, cancel := context.WithCancel(s.Context())
	a, _, _ := testApp(ctx)
	d, err := startDemo(a, c)
	if err != nil {
		s.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.loop(a, c, lis) }()
	s.Cleanup(func() {
		cancel()
		<-ended
		d.stop()
	})
	if s.conn, err = pgx.Connect(ctx, d.server.URL("postgres")); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.conn.Close(context.WithoutCancel(ctx)) })
	poll(s.T, 10*time.Minute, "the half-hours of the demo", func() bool {
		return s.text(`select (select count(*) >= 24 from flows.sync_runs where finished_at is not null)
			and (select count(*) filter (where finalized_at is null) = 0 and count(*) filter (where state = 'completed') >= 50 from river.river_job where kind = 'meter_backfill')
			and not exists (select from flows.vee_work where changed_from is not null)`) == "true"
	})
}

// smaller writes a picture with 256 colours at most: of those that look alike, the one that it has most of.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	found := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			found[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(found), func(a, b color.Color) int { return cmp.Compare(found[b], found[a]) })
	few, alike := image.NewPaletted(full.Bounds(), nil), map[[3]uint32]bool{}
	for _, c := range colours {
		r, g, b, _ := c.RGBA()
		if key := [3]uint32{r >> 11, g >> 11, b >> 11}; !alike[key] && len(few.Palette) < 256 {
			alike[key] = true
			few.Palette = append(few.Palette, c)
		}
	}
	nearest := map[color.Color]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(few.Palette.Index(c))
	}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			few.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
