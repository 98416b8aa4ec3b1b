package mediator

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"flows/certs"
	"flows/mediator/mediatorpb"
)

// authority is a CA for one test.
type authority struct {
	ca   certs.Pair
	open *certs.Authority
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	ca, err := certs.NewAuthority(certs.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	open, err := certs.OpenAuthority(ca)
	if err != nil {
		t.Fatal(err)
	}
	return authority{ca, open}
}

// client gives the credentials of a client with that role, or of one without a certificate; it trusts the servers of trusted.
func (a authority) client(t *testing.T, role string, trusted authority) credentials.TransportCredentials {
	t.Helper()
	var pair certs.Pair
	if role != "" {
		var err error
		if pair, err = a.open.Client("acme", role, certs.Terms{}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := certs.ClientConfig(certs.Source{Cert: string(pair.Cert), Key: string(pair.Key), CA: string(trusted.ca.Cert)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return credentials.NewTLS(c)
}

// secured starts a mediator with certificates and one meter; the function gives clients of it.
func secured(t *testing.T, a authority, identify Identify) (s *Server, client func(credentials.TransportCredentials) call, log *lockedBuffer) {
	t.Helper()
	pair, err := a.open.Server(nil, certs.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := certs.ServerConfig(certs.Source{Cert: string(pair.Cert), Key: string(pair.Key), CA: string(a.ca.Cert)})
	if err != nil {
		t.Fatal(err)
	}
	log = &lockedBuffer{}
	s, err = New(book{serial: mustAddress("127.0.0.1:8080")}, Options{Timeout: time.Second, Dial: (&fake{}).dial, TLS: c, Identify: identify,
		Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	address := started(t, s)
	return s, func(as credentials.TransportCredentials) call {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(as))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return call{mediatorpb.NewEmliteMediatorServiceClient(conn), mediatorpb.NewInfoServiceClient(conn), conn, s}
	}, log
}

// deeds are what callers try.
var deeds = []struct {
	name string
	do   func(context.Context, call) error
}{
	{"raw", func(ctx context.Context, c call) error {
		_, err := c.SendRawMessage(ctx, &mediatorpb.SendRawMessageRequest{Serial: serial, DataField: []byte("\x01\xff\xfd\x1d\x00")})
		return err
	}},
	{"write", func(ctx context.Context, c call) error {
		_, err := c.WriteElement(ctx, &mediatorpb.WriteElementRequest{Serial: serial, ObjectId: csq, Payload: []byte{1}})
		return err
	}},
	{"batch of data fields", func(ctx context.Context, c call) error {
		return readBatch(ctx, c, &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_ObjectId{ObjectId: csq}},
			&mediatorpb.BatchItem{What: &mediatorpb.BatchItem_DataField{DataField: []byte("\x01\xff\xfd\x1d\x00")}})
	}},
	{"batch", func(ctx context.Context, c call) error {
		return readBatch(ctx, c, &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_ObjectId{ObjectId: csq}})
	}},
	{"read", func(ctx context.Context, c call) error {
		_, err := c.ReadElement(ctx, &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: csq})
		return err
	}},
	{"info", func(ctx context.Context, c call) error {
		_, err := c.info.GetInfo(ctx, &mediatorpb.GetInfoRequest{Serial: serial})
		return err
	}},
	{"meters", func(ctx context.Context, c call) error {
		_, err := c.info.GetMeters(ctx, &mediatorpb.GetMetersRequest{})
		return err
	}},
	{"reflection", func(ctx context.Context, c call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s, err := grpc_reflection_v1.NewServerReflectionClient(c.conn).ServerReflectionInfo(ctx)
		if err != nil {
			return err
		}
		_ = s.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
		_, err = s.Recv()
		return err
	}},
	{"health", func(ctx context.Context, c call) error {
		_, err := grpc_health_v1.NewHealthClient(c.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err
	}},
}

func readBatch(ctx context.Context, c call, items ...*mediatorpb.BatchItem) error {
	s, err := c.ReadBatch(ctx, &mediatorpb.ReadBatchRequest{Serial: serial, Items: items})
	if err != nil {
		return err
	}
	reply, err := s.Recv()
	if err == nil && reply.GetError() != nil {
		err = errors.New(reply.GetError().GetMessage())
	}
	return err
}

func TestEachRoleMayDoWhatTheTableSays(t *testing.T) {
	a := newAuthority(t)
	_, client, log := secured(t, a, certs.Client)
	for _, c := range []struct {
		role string
		may  string // the deeds, one after the other; all others are refused
		code codes.Code
		why  string
	}{
		{certs.Internal, "raw, write, batch of data fields, batch, read, info, meters, reflection, health", 0, ""},
		{certs.Partner, "batch, read, info, meters, reflection, health", codes.PermissionDenied, "PERMISSION"},
		{certs.ReadOnly, "info, meters, reflection, health", codes.PermissionDenied, "PERMISSION"},
		{"", "health", codes.Unauthenticated, "UNAUTHENTICATED"},
	} {
		m := client(a.client(t, c.role, a))
		for _, d := range deeds {
			err := d.do(t.Context(), m)
			if strings.Contains(", "+c.may+",", ", "+d.name+",") {
				if err != nil {
					t.Errorf("role %q may not %s: %v", c.role, d.name, err)
				}
				continue
			}
			if status.Code(err) != c.code {
				t.Errorf("role %q, %s: %v, want %s", c.role, d.name, err, c.code)
			} else if why, _ := reasonOf(t, err); why != c.why {
				t.Errorf("role %q, %s: reason %s, want %s", c.role, d.name, why, c.why)
			}
		}
	}
	for _, want := range []string{"call=writeElement client=acme role=partner", `call=GetInfo client="" role=""`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

func TestWhoNoneOfOurCertificatesSpeaksForIsAStranger(t *testing.T) {
	a, foreign := newAuthority(t), newAuthority(t)
	_, client, _ := secured(t, a, certs.Client)
	_, unsure, _ := secured(t, a, func(tls.ConnectionState) (name, role string, ok bool) { return "acme", "admin", true })
	_, unknown, _ := secured(t, a, func(tls.ConnectionState) (name, role string, ok bool) { return "acme", certs.Internal, false })
	for _, c := range []struct {
		name string
		m    call
		want codes.Code
	}{
		{"certificate of a foreign CA", client(foreign.client(t, certs.Internal, a)), codes.Unavailable},
		{"server of a CA that is foreign to the client", client(a.client(t, certs.Internal, foreign)), codes.Unavailable},
		{"without TLS", client(insecure.NewCredentials()), codes.Unavailable},
		{"role that nobody knows", unsure(a.client(t, certs.Internal, a)), codes.Unauthenticated},
		{"name that cannot be told", unknown(a.client(t, certs.Internal, a)), codes.Unauthenticated},
	} {
		for _, d := range deeds[:len(deeds)-1] { // health is for everybody who can connect
			if err := d.do(t.Context(), c.m); status.Code(err) != c.want {
				t.Errorf("%s: %s: %v, want %s", c.name, d.name, err, c.want)
			}
		}
	}
}

func TestEveryMethodIsInTheTableAndEveryLineIsAMethod(t *testing.T) {
	s, _, _ := secured(t, newAuthority(t), certs.Client)
	served := map[string]bool{}
	for service, info := range s.grpc.GetServiceInfo() {
		for _, m := range info.Methods {
			name := "/" + service + "/" + m.Name
			if served[name] = true; mayCall[name] == 0 {
				t.Errorf("nobody may call %s", name)
			}
		}
	}
	for name := range mayCall {
		if !served[name] {
			t.Errorf("there is no method %s", name)
		}
	}
	for _, role := range certs.Roles() {
		if roleNames[role] == 0 {
			t.Errorf("role %s of certificates is unknown", role)
		}
	}
}

func TestAMethodThatIsNotInTheTableIsRefused(t *testing.T) {
	g := gate{func(tls.ConnectionState) (name, role string, ok bool) { return "acme", certs.Internal, true }, slog.New(slog.DiscardHandler)}
	ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: new(net.TCPAddr), AuthInfo: credentials.TLSInfo{}})
	info := &grpc.UnaryServerInfo{FullMethod: "/simt_emlite.mediator.grpc.EmliteMediatorService/formatMeter"}
	_, err := g.unary(ctx, nil, info, func(context.Context, any) (any, error) { return nil, errors.New("it was called") })
	if status.Code(err) != codes.PermissionDenied {
		t.Error(err)
	}
}
