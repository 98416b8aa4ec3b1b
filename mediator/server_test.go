package mediator

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"flows"
	"flows/emop"
	"flows/mediator/mediatorpb"
)

// ledgerless is a registry whose database went away when it had been read, without a meter.
type ledgerless struct{}

var errAway = errors.New("connection to the database lost")

func (ledgerless) Addresses(_ context.Context, serials []string, _ func(string, netip.AddrPort)) error {
	if len(serials) == 0 {
		return nil
	}
	return errAway
}
func (ledgerless) Changes(context.Context, func([]string) error) error { return errAway }
func (ledgerless) Info(context.Context, string) ([]byte, error)        { return nil, errAway }
func (ledgerless) Meters(context.Context, string) ([]byte, error)      { return nil, errAway }

// call is a mediator on loopback with a client of it.
type call struct {
	mediatorpb.EmliteMediatorServiceClient
	info mediatorpb.InfoServiceClient
	conn *grpc.ClientConn
	s    *Server
}

// serve starts a mediator with short times and one meter, whose log goes to the buffer.
func serve(t *testing.T, r Registry, meter *fake) (call, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	s, err := New(r, Options{Timeout: 100 * time.Millisecond, Dial: meter.dial,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	address := started(t, s)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return call{mediatorpb.NewEmliteMediatorServiceClient(conn), mediatorpb.NewInfoServiceClient(conn), conn, s}, log
}

// started serves on loopback until the test ends.
func started(t *testing.T, s *Server) (address string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	t.Cleanup(func() {
		s.Stop(t.Context())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return lis.Addr().String()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEveryFailureHasItsStatusTextAndReason(t *testing.T) {
	known := book{serial: mustAddress("127.0.0.1:8080"), "nowhere": {}}
	read := func(serial string, id int32) func(call) error {
		return func(c call) error {
			_, err := c.ReadElement(context.Background(), &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: id})
			return err
		}
	}
	raw := func(dataField string) func(call) error {
		return func(c call) error {
			_, err := c.SendRawMessage(context.Background(), &mediatorpb.SendRawMessageRequest{Serial: serial, DataField: []byte(dataField)})
			return err
		}
	}
	write := func(c call) error {
		_, err := c.WriteElement(context.Background(), &mediatorpb.WriteElementRequest{Serial: serial, ObjectId: csq})
		return err
	}
	batch := func(serial string, items ...*mediatorpb.BatchItem) func(call) error {
		return func(c call) error {
			s, err := c.ReadBatch(context.Background(), &mediatorpb.ReadBatchRequest{Serial: serial, Items: items})
			if err == nil {
				_, err = s.Recv()
			}
			return err
		}
	}
	info := func(serial string) func(call) error {
		return func(c call) error {
			_, err := c.info.GetInfo(context.Background(), &mediatorpb.GetInfoRequest{Serial: serial})
			return err
		}
	}
	meters := func(c call) error {
		_, err := c.info.GetMeters(context.Background(), &mediatorpb.GetMetersRequest{Esco: "demo"})
		return err
	}
	none := &fake{refuse: func(int) bool { return true }}
	for _, c := range []struct {
		name     string
		registry Registry
		meter    *fake
		call     func(call) error
		status   codes.Code
		text     string
		reason   string
	}{
		{"no serial", known, nil, read("", csq), codes.InvalidArgument, "Target meter serial not specified", "UNKNOWN_SERIAL"},
		{"no serial in a batch", known, nil, batch(""), codes.InvalidArgument, "Target meter serial not specified", "UNKNOWN_SERIAL"},
		{"no serial for info", known, nil, info(""), codes.InvalidArgument, "Target meter serial not specified", "UNKNOWN_SERIAL"},
		{"unknown serial", known, nil, read("X", csq), codes.NotFound, "Meter 'X' not known", "UNKNOWN_SERIAL"},
		{"unknown serial in a batch", known, nil, batch("X"), codes.NotFound, "Meter 'X' not known", "UNKNOWN_SERIAL"},
		{"unknown serial for info", known, nil, info("X"), codes.NotFound, "Meter 'X' not known", "UNKNOWN_SERIAL"},
		{"meter without an address", known, nil, read("nowhere", csq), codes.NotFound, "has no address", "UNKNOWN_SERIAL"},
		{"serial too long", known, nil, read(strings.Repeat("E", 33), csq), codes.InvalidArgument, "serial of 33 bytes", "MEDIATOR"},
		{"serial not printable", known, nil, read("EML\n1", csq), codes.InvalidArgument, "printable ASCII", "MEDIATOR"},
		{"object id too large", known, nil, read(serial, 0x1000000), codes.InvalidArgument, "object id 16777216", "MEDIATOR"},
		{"object id negative", known, nil, read(serial, -1), codes.InvalidArgument, "object id -1", "MEDIATOR"},
		{"log reset", known, nil, raw("\x05\x01aaaabbbbcccc"), codes.InvalidArgument, "profile number 1", "MEDIATOR"},
		{"write in a batch", known, nil, batch(serial, &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_DataField{DataField: []byte{1, 2, 3, 4, 1}}}),
			codes.InvalidArgument, "a batch only reads", "MEDIATOR"},
		{"empty batch item", known, nil, batch(serial, &mediatorpb.BatchItem{}), codes.InvalidArgument, "item 0", "MEDIATOR"},
		{"database away", ledgerless{}, nil, read(serial, csq), codes.Unavailable, errAway.Error(), "DATABASE"},
		{"database away in a batch", ledgerless{}, nil, batch(serial), codes.Unavailable, errAway.Error(), "DATABASE"},
		{"database away for info", ledgerless{}, nil, info(serial), codes.Unavailable, errAway.Error(), "DATABASE"},
		{"database away for meters", ledgerless{}, nil, meters, codes.Unavailable, errAway.Error(), "DATABASE"},
		{"no connection", known, none, read(serial, csq), codes.Internal, "failed to connect after retries", "UNREACHABLE"},
		{"no connection to write", known, none, write, codes.Internal, "failed to connect after retries", "UNREACHABLE"},
		{"closed", known, &fake{do: hangUp}, read(serial, csq), codes.Internal, "EOFError", "CLOSED"},
		{"silence", known, &fake{do: silence}, read(serial, csq), codes.Internal, "did not answer in time", "TIMEOUT"},
		{"wrong CRC", known, &fake{do: always(sends(wrongCRC))}, read(serial, csq), codes.Internal, "wrong CRC", "BAD_ANSWER"},
		{"NAK", known, &fake{do: always(refusing(emop.NAKSecurity))}, raw("\x01\xff\xfd\x1d\x00"), codes.Internal, "NAK 6 (security not granted)", "NAK"},
		{"lost answer to a write", known, &fake{do: silence}, write, codes.Unknown, "read it back", "OUTCOME_UNKNOWN"},
		{"lost answer to a raw write", known, &fake{do: silence}, raw("\x01\xff\xff\x10\x01\x00"), codes.Unknown, "read it back", "OUTCOME_UNKNOWN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.meter == nil {
				c.meter = &fake{}
			}
			m, _ := serve(t, c.registry, c.meter)
			err := c.call(m)
			reason, _ := reasonOf(t, err)
			if status.Code(err) != c.status || !strings.Contains(status.Convert(err).Message(), c.text) || reason != c.reason {
				t.Errorf("%s: %v\nwant %s: %s with %q", reason, err, c.reason, c.status, c.text)
			}
		})
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	for _, c := range []flows.Code{flows.Unreachable, flows.Timeout, flows.Closed, flows.BadAnswer, flows.NAK, flows.ForeignMeter, flows.Busy,
		flows.Cancelled, flows.Gateway, flows.Mediator, flows.Unauthenticated, flows.Permission, flows.UnknownSerial, flows.Database, flows.OutcomeUnknown} {
		if _, ok := statusCodes[c]; !ok {
			t.Errorf("%s has no status", c)
		}
	}
}

func TestATokenIsNeverLogged(t *testing.T) {
	for _, do := range []func(int, emop.Frame, net.Conn) bool{answerWell, silence, hangUp, always(refusing(emop.NAKSecurity))} {
		m, log := serve(t, book{serial: mustAddress("127.0.0.1:8080")}, &fake{do: do})
		m.WriteElement(t.Context(), &mediatorpb.WriteElementRequest{Serial: serial, ObjectId: token, Payload: []byte(secretText)})
		m.SendRawMessage(t.Context(), &mediatorpb.SendRawMessageRequest{Serial: serial,
			DataField: append([]byte{1, 0xff, 0xc8, 0x03, 1}, secretText...)})
		for _, secret := range []string{secretText, "3137343436363334", "49 55 52 52"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the token is in the log:\n%s", log)
			}
		}
	}
}

func TestHealthAndReflectionAnswer(t *testing.T) {
	m, _ := serve(t, book{}, &fake{})
	h, err := grpc_health_v1.NewHealthClient(m.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health %v, %v", h, err)
	}
	s, err := grpc_reflection_v1.NewServerReflectionClient(m.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Recv()
	if err != nil || !strings.Contains(list.String(), "simt_emlite.mediator.grpc.EmliteMediatorService") {
		t.Errorf("%v, %v", list, err)
	}
	s.CloseSend()
}

func TestStopLetsARunningCallEndAndRefusesNewOnes(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	meter := &fake{do: func(n int, f emop.Frame, conn net.Conn) bool {
		close(asked)
		<-answer
		return answerWell(n, f, conn)
	}}
	m, _ := serve(t, book{serial: mustAddress("127.0.0.1:8080")}, meter)
	m.s.options.Timeout = 10 * time.Second
	read := make(chan error)
	go func() {
		_, err := m.ReadElement(t.Context(), &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: csq})
		read <- err
	}()
	<-asked
	stopped := make(chan struct{})
	for range 2 {
		go func() { m.s.Stop(t.Context()); stopped <- struct{}{} }()
	}
	for {
		_, err := m.info.GetMeters(t.Context(), &mediatorpb.GetMetersRequest{})
		if err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("a new call: %v", err)
			}
			break
		}
	}
	close(answer)
	if err := <-read; err != nil {
		t.Errorf("the running call: %v", err)
	}
	<-stopped
	<-stopped
}

func TestStopEndsARunningCallWhenItsTimeIsOver(t *testing.T) {
	asked := make(chan struct{})
	meter := &fake{do: func(int, emop.Frame, net.Conn) bool { close(asked); return true }}
	m, _ := serve(t, book{serial: mustAddress("127.0.0.1:8080")}, meter)
	m.s.options.Timeout = time.Hour
	read := make(chan error)
	go func() {
		_, err := m.ReadElement(t.Context(), &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: csq})
		read <- err
	}()
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.s.Stop(ctx)
	if err := <-read; err == nil {
		t.Error("the call was answered")
	}
}

func TestOptionsNameWhatCannotBe(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Options){
		"EMLITE_TIMEOUT_SECONDS": func(o *Options) { o.Timeout = 0 },
		"METER_SPACING_SECONDS":  func(o *Options) { o.Spacing = -1 },
		"idle time":              func(o *Options) { o.IdleClose = -1 },
	} {
		o := Defaults()
		change(&o)
		if _, err := New(book{}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
