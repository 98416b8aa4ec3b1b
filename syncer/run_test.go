package syncer

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/emop"
)

// meterStub answers objects with literal bytes; what it does not know is NAK 5. Exchanges take a second each, one after the other.
type meterStub struct {
	address uint32
	objects map[emop.ID]string // hex
	blocks  []string           // hex, of the event log
	errs    map[emop.ID]error
	down    error // every item fails so
	later   error // every batch but the first fails so
	noLog   bool
	from    []uint32 // frame addresses by batch, when not address

	batches [][]emop.ID
}

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (s *meterStub) Batch(_ context.Context, _ string, items []emop.Item) []emop.Answer {
	var asked []emop.ID
	address := s.address
	if n := len(s.batches); n < len(s.from) {
		address = s.from[n]
	}
	down := s.down
	if len(s.batches) > 0 && s.later != nil {
		down = s.later
	}
	answers := make([]emop.Answer, len(items))
	for i, it := range items {
		asked = append(asked, it.Object)
		sent := t0.Add(time.Duration(len(s.batches)*100+i) * 10 * time.Second)
		a := emop.Answer{Sent: sent, Answered: sent.Add(time.Second), Tries: 1, FrameAddress: address}
		h, known := s.objects[it.Object]
		switch {
		case down != nil:
			a = emop.Answer{Err: down, Answered: a.Answered, Tries: 3}
		case len(it.DataField) > 0 && !s.noLog:
			a.Payload = append(append([]byte{}, it.DataField[1:]...), s.block(int(it.DataField[4]))...)
		case s.errs[it.Object] != nil:
			a.Err = s.errs[it.Object]
		case known:
			a.Payload, a.Err = hex.DecodeString(h)
		default:
			a.Err = &flows.Error{Code: flows.NAK, NAK: 5, Err: errors.New("NAK 5 (unknown object id)")}
		}
		answers[i] = a
	}
	s.batches = append(s.batches, asked)
	return answers
}

func (s *meterStub) block(n int) []byte {
	if n >= len(s.blocks) {
		return nil
	}
	b, _ := hex.DecodeString(s.blocks[n])
	return b
}

const (
	elementA = "4e61bc0087d61200" + "4994030007870000" // 12345.678 import, 1234.567 export, 234.569 reactive, 34.567
	own      = 0x0018b0
)

func twin() *meterStub {
	return &meterStub{address: own, objects: map[emop.ID]string{
		0x608000: "36437720",                         // 6Cw
		0x600100: "454d4c32313337353830373631202020", // EML2137580761
		0xfffffc: elementA,
		0xfffff8: "c5f1000000000000" + "0000000000000000", // 61.893
		0xffc802: "c07a03fe",                              // -333.264
		0xfffd1d: "4c",                                    // 12, operator 2
		0x0c0700: "5209",                                  // 238.6
		0x000201: "33303332",                              // 3_03_2
	}}
}

func known() flows.Meter {
	address, firmware := uint32(own), "3_03_2"
	return flows.Meter{Serial: "EML2137580761", Hardware: "C1.w", FrameAddress: &address, Address: netip.MustParseAddrPort("127.0.0.1:8080"),
		Registry: flows.Registry{FirmwareVersion: &firmware}}
}

var hourly = []string{"SyncerCSQ", "syncerreads", "SyncerPrepayBalance", "SyncerVoltage"}

func TestRunReadsAllInOneBatchRegistersFirst(t *testing.T) {
	stub := twin()
	r := Run(t.Context(), known(), flows.Hourly, hourly, stub)
	if len(stub.batches) != 1 || stub.batches[0][0] != 0xfffffc || len(stub.batches[0]) != 5 {
		t.Errorf("batches %v, want one of five objects, element A first", stub.batches)
	}
	if r.Health != flows.Healthy || r.Details != "" || r.Code != "" {
		t.Errorf("verdict %q %q %q, want healthy", r.Health, r.Code, r.Details)
	}
	s := r.Shadow
	for _, c := range []struct{ name, got, want string }{
		{"import_a", s.ImportA.String(), "12345.678"}, {"export_a", s.ExportA.String(), "1234.567"},
		{"import_b", s.ImportB.String(), "61.893"}, {"export_b", s.ExportB.String(), "0.000"},
		{"balance", s.Balance.String(), "-333.26400"}, {"voltage", s.Voltage.String(), "238.6"},
	} {
		if c.got != c.want {
			t.Errorf("%s = %s, want %s", c.name, c.got, c.want)
		}
	}
	if *s.CSQ != 12 {
		t.Errorf("csq = %d, want 12", *s.CSQ)
	}
	if want := t0.Add(500 * time.Millisecond); !r.ReadAt.Equal(want) {
		t.Errorf("read at %s, want the middle of the register's exchange %s", r.ReadAt, want)
	}
}

func TestRunWithoutRegistersHasTheTimeOfTheLastAnswer(t *testing.T) {
	r := Run(t.Context(), known(), flows.Hourly, []string{"SyncerCSQ", "SyncerVoltage"}, twin())
	if want := t0.Add(10*time.Second + 500*time.Millisecond); !r.ReadAt.Equal(want) {
		t.Errorf("read at %s, want %s", r.ReadAt, want)
	}
}

func TestVerdicts(t *testing.T) {
	nak6 := &flows.Error{Code: flows.NAK, NAK: 6, Err: errors.New("NAK 6")}
	silent := flows.Errorf(flows.Timeout, "no answer in 10 s")
	for _, c := range []struct {
		name    string
		change  func(*meterStub, *flows.Meter)
		health  flows.Health
		code    flows.Code
		details string // part of
		noCSQ   bool
		reads   bool // import A is in the result
	}{
		{"dead meter", func(s *meterStub, _ *flows.Meter) { s.down = flows.Errorf(flows.Unreachable, "connection refused") },
			flows.Unhealthy, flows.Unreachable, "connection refused", true, false},
		{"dead meter at first contact", func(s *meterStub, m *flows.Meter) {
			s.down, m.Hardware = flows.Errorf(flows.Unreachable, "connection refused"), ""
		}, flows.Unhealthy, flows.Unreachable, "connection refused", true, false},
		{"mediator away", func(s *meterStub, _ *flows.Meter) { s.down = flows.Errorf(flows.Mediator, "cannot reach") },
			flows.NeverRun, flows.Mediator, "cannot reach", false, false},
		{"busy", func(s *meterStub, _ *flows.Meter) { s.down = flows.Errorf(flows.Busy, "busy") },
			flows.NeverRun, flows.Busy, "busy", false, false},
		{"mediator lost in the middle", func(s *meterStub, _ *flows.Meter) {
			s.errs = map[emop.ID]error{0xfffd1d: flows.Errorf(flows.Mediator, "connection lost")}
		}, flows.NeverRun, flows.Mediator, "connection lost", false, false},
		{"one metric failed", func(s *meterStub, _ *flows.Meter) { s.errs = map[emop.ID]error{0x0c0700: silent} },
			flows.Unhealthy, flows.Timeout, "SyncerVoltage: voltage (0c0700): no answer in 10 s", false, true},
		{"a refused object", func(s *meterStub, _ *flows.Meter) { s.errs = map[emop.ID]error{0xffc802: nak6} },
			flows.Unhealthy, flows.NAK, "SyncerPrepayBalance: prepay_balance (ffc802): NAK 6", false, true},
		{"element B fails, A is kept", func(s *meterStub, _ *flows.Meter) { s.errs = map[emop.ID]error{0xfffff8: silent} },
			flows.Unhealthy, flows.Timeout, "SyncerReads: element_b", false, true},
		{"an answer of the wrong size", func(s *meterStub, _ *flows.Meter) { s.objects[0xffc802] = "e093" },
			flows.Unhealthy, flows.BadAnswer, "prepay_balance", false, true},
		{"only NAKs", func(s *meterStub, _ *flows.Meter) { s.objects = nil },
			flows.Unhealthy, flows.NAK, "NAK 5", false, false},
		{"first contact", func(_ *meterStub, m *flows.Meter) { m.Hardware, m.FrameAddress = "", nil },
			flows.Healthy, "", "", false, true},
		{"a new module in the same meter", func(s *meterStub, _ *flows.Meter) { s.address = 0x123456 },
			flows.Healthy, "", "", false, true},
		{"another meter by its frame address", func(s *meterStub, _ *flows.Meter) {
			s.address, s.objects[0x600100] = 0x123456, "454d4c39393939393939393939202020"
		}, flows.Unhealthy, flows.ForeignMeter, "another meter answers at 127.0.0.1:8080: EML9999999999 (frame address 123456)", false, false},
		{"another meter at first contact", func(s *meterStub, m *flows.Meter) {
			m.FrameAddress, s.objects[0x600100] = nil, "454d4c39393939393939393939202020"
		}, flows.Unhealthy, flows.ForeignMeter, "EML9999999999", false, false},
		{"a mediator that does not tell frame addresses", func(s *meterStub, _ *flows.Meter) { s.address = 0 },
			flows.Healthy, "", "", false, true},
		{"another meter after it was identified", func(s *meterStub, m *flows.Meter) {
			m.FrameAddress, s.from = nil, []uint32{own, own, 0x999999}
		}, flows.Unhealthy, flows.BadAnswer, "answered by another meter (frame address 999999)", false, false},
		{"two meters while it is identified", func(s *meterStub, m *flows.Meter) {
			m.FrameAddress, s.from = nil, []uint32{own, 0x999999}
		}, flows.Unhealthy, flows.BadAnswer, "frame addresses 0018b0 and 999999", false, false},
		{"nothing to read", func(_ *meterStub, m *flows.Meter) { m.Hardware = "P1.ax" },
			flows.Healthy, "", "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			stub, m := twin(), known()
			c.change(stub, &m)
			if c.name == "nothing to read" {
				r := Run(t.Context(), m, flows.Hourly, []string{"SyncerPrepayBalance"}, stub)
				if r.Health != flows.NeverRun || r.Code != "" || len(stub.batches) != 0 || r.Outcomes[0].State != flows.Unsupported {
					t.Errorf("%+v after %v", r, stub.batches)
				}
				return
			}
			r := Run(t.Context(), m, flows.Hourly, hourly, stub)
			if r.Health != c.health || r.Code != c.code || !strings.Contains(r.Details, c.details) || r.NoCSQ != c.noCSQ {
				t.Errorf("verdict %q %q %q csq null %t", r.Health, r.Code, r.Details, r.NoCSQ)
			}
			if got := r.Shadow.ImportA != nil; got != c.reads {
				t.Errorf("import A read: %t, want %t", got, c.reads)
			}
			if !c.reads && r.Shadow.CSQ != nil {
				t.Error("values of an unjudged, foreign or silent meter are in the result")
			}
			if len(r.Outcomes) != len(hourly) {
				t.Errorf("%d outcomes of %d metrics", len(r.Outcomes), len(hourly))
			}
		})
	}
}

func TestFirstContactKeepsHardwareAndFrameAddress(t *testing.T) {
	stub, m := twin(), known()
	m.Hardware, m.FrameAddress = "", nil
	r := Run(t.Context(), m, flows.Hourly, hourly, stub)
	if r.Registry.Hardware == nil || *r.Registry.Hardware != "C1.w" || r.Registry.FrameAddress == nil || *r.Registry.FrameAddress != own {
		t.Errorf("registry %+v", r.Registry)
	}
	if want := "[[608000] [600100] [fffffc fffff8 ffc802 fffd1d 0c0700]]"; want != sprint(stub.batches) {
		t.Errorf("asked %v, want %s", sprint(stub.batches), want)
	}
}

func TestThreePhaseTotalsInTheUnitOfTheHardware(t *testing.T) {
	for config, want := range map[string]string{"00": "4294967.295", "01": "429496.7295"} {
		stub := &meterStub{address: own, objects: map[emop.ID]string{0x608000: "", 0xd7ff10: "454d4c32313337353830373631202020", 0xd7ff11: config,
			0x010800: "ffffffff", 0x020800: "0a000000"}}
		m := known()
		m.Hardware = ""
		r := Run(t.Context(), m, flows.Hourly, []string{"SyncerReads", "SyncerPrepayBalance"}, stub)
		if r.Health != flows.Healthy || r.Shadow.ImportA.String() != want || r.Shadow.ImportB != nil || r.Shadow.ExportA == nil {
			t.Errorf("configuration %s: %q %s import %s, want %s", config, r.Health, r.Details, r.Shadow.ImportA, want)
		}
		if o := r.Outcomes[1]; o.Metric != "SyncerPrepayBalance" || o.State != flows.Unsupported {
			t.Errorf("balance of a three phase meter: %+v", o)
		}
	}
}

func TestUnknownMetricIsReportedAndSpoilsNothing(t *testing.T) {
	r := Run(t.Context(), known(), flows.Hourly, []string{"SyncerCsq", "SyncerGas", "syncercsq"}, twin())
	if r.Health != flows.Healthy || len(r.Outcomes) != 2 || r.Outcomes[1].State != flows.Unknown || r.Outcomes[1].Metric != "SyncerGas" {
		t.Errorf("%q, outcomes %+v", r.Health, r.Outcomes)
	}
}

func TestRegistryColumnsOnlyWhenChanged(t *testing.T) {
	stub := twin()
	if r := Run(t.Context(), known(), flows.Daily, []string{"SyncerFirmwareVersion", "SyncerHardware"}, stub); r.Registry != (flows.Registry{}) {
		t.Errorf("unchanged values in the result: %+v", r.Registry)
	}
	stub.objects[0x000201] = "33303333"
	r := Run(t.Context(), known(), flows.Daily, []string{"SyncerFirmwareVersion"}, stub)
	if r.Registry.FirmwareVersion == nil || *r.Registry.FirmwareVersion != "3_03_3" {
		t.Errorf("changed firmware: %+v", r.Registry)
	}
}

func TestClockDifferenceIsSignedAndWithoutLatency(t *testing.T) {
	stub := twin()
	stub.objects[0x800800] = "1a03010b3b3500" // 2026-03-01 11:59:53; the middle of the exchange is 12:00:00.5
	r := Run(t.Context(), known(), flows.Daily, []string{"SyncerClockDiff"}, stub)
	if r.Shadow.ClockDiff == nil || *r.Shadow.ClockDiff != -7 {
		t.Errorf("clock difference %v, want -7 s", r.Shadow.ClockDiff)
	}
}

func sprint(batches [][]emop.ID) string {
	var all []string
	for _, b := range batches {
		var ids []string
		for _, id := range b {
			ids = append(ids, id.String())
		}
		all = append(all, "["+strings.Join(ids, " ")+"]")
	}
	return "[" + strings.Join(all, " ") + "]"
}

func TestAnotherHardwareIsANoteAlsoAtFirstContact(t *testing.T) {
	for _, c := range []struct{ registry, payload, want string }{
		{"C1.w", "36437720", ""},
		{"B1.w", "36437720", "the meter is C1.w, the registry says B1.w"},
		{"ZZ9", "3939", "the meter is 99, the registry says ZZ9"},
	} {
		for _, names := range [][]string{{"SyncerCSQ"}, {"SyncerHardware"}} {
			stub, m := twin(), known()
			m.Hardware, stub.objects[0x608000] = c.registry, c.payload
			if names[0] == "SyncerCSQ" {
				m.FrameAddress = nil
			}
			r := Run(t.Context(), m, flows.Daily, names, stub)
			var note string
			for _, o := range r.Outcomes {
				if o.Metric == "SyncerHardware" {
					note = o.Reason
				}
			}
			if note != c.want || r.Health != flows.Healthy || r.Registry.Hardware != nil {
				t.Errorf("%s read as %s by %v: note %q, want %q; %q", c.registry, c.payload, names, note, c.want, r.Health)
			}
		}
	}
}

func TestEveryMetricAsksForWhatItReads(t *testing.T) {
	for _, hardware := range []string{"C1.w", "B1.w", "P1.ax", "P1.cx", "9"} {
		for _, mt := range table {
			m := known()
			m.Hardware = hardware
			r := Run(t.Context(), m, flows.Daily, []string{mt.name}, twin())
			for _, o := range r.Outcomes {
				if o.Reason == "not asked for" {
					t.Errorf("%s on %s reads an object that it does not want", mt.name, hardware)
				}
			}
		}
	}
}
