package emlite

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"flows"
	"flows/emop"
	"flows/mediator/mediatorpb"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		os.Stderr.WriteString(err.Error())
		code = 1
	}
	os.Exit(code)
}

// field is a mediator as those of the field: single calls only, no ErrorInfo.
type field struct {
	mediatorpb.UnimplementedEmliteMediatorServiceServer
	read  func(ctx context.Context, id int32) ([]byte, error)
	raw   func(dataField []byte) ([]byte, error)
	write func(ctx context.Context) error
}

func (f field) ReadElement(ctx context.Context, in *mediatorpb.ReadElementRequest) (*mediatorpb.ReadElementReply, error) {
	b, err := f.read(ctx, in.GetObjectId())
	return &mediatorpb.ReadElementReply{Response: b}, err
}

func (f field) SendRawMessage(_ context.Context, in *mediatorpb.SendRawMessageRequest) (*mediatorpb.SendRawMessageReply, error) {
	b, err := f.raw(in.GetDataField())
	return &mediatorpb.SendRawMessageReply{Response: b}, err
}

func (f field) WriteElement(ctx context.Context, _ *mediatorpb.WriteElementRequest) (*mediatorpb.WriteElementReply, error) {
	return &mediatorpb.WriteElementReply{}, f.write(ctx)
}

// client serves the mediator and gives a client of it, and the way to end the server.
func client(t *testing.T, m mediatorpb.EmliteMediatorServiceServer, o Options) (*Client, *grpc.Server) {
	t.Helper()
	s, lis := grpc.NewServer(), listen(t)
	mediatorpb.RegisterEmliteMediatorServiceServer(s, m)
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	c, err := Dial([]string{lis.Addr().String()}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Stop()
		<-served
	})
	return c, s
}

func TestAStatusWithoutErrorInfoBecomesACode(t *testing.T) {
	for _, c := range []struct {
		status      codes.Code
		text        string
		read, write flows.Code
	}{
		{codes.Internal, "failed to connect after retries", flows.Unreachable, flows.Unreachable},
		{codes.Internal, "EOFError: ", flows.Closed, flows.OutcomeUnknown},
		{codes.Internal, "anything", flows.Unreachable, flows.OutcomeUnknown},
		{codes.ResourceExhausted, "Meter EML1 is busy (timeout)", flows.Busy, flows.Busy},
		{codes.NotFound, "Meter 'EML1' not known", flows.UnknownSerial, flows.UnknownSerial},
		{codes.Canceled, "", flows.Cancelled, flows.OutcomeUnknown},
		{codes.Unauthenticated, "", flows.Unauthenticated, flows.Unauthenticated},
		{codes.PermissionDenied, "", flows.Permission, flows.Permission},
		{codes.Unavailable, "", flows.Mediator, flows.OutcomeUnknown},
		{codes.Unknown, "Exception calling application", flows.Mediator, flows.OutcomeUnknown},
		{codes.DeadlineExceeded, "", flows.Mediator, flows.OutcomeUnknown},
		{codes.InvalidArgument, "Target meter serial not specified", flows.Mediator, flows.Mediator},
	} {
		t.Run(c.status.String()+" "+c.text, func(t *testing.T) {
			client, _ := client(t, field{
				read:  func(context.Context, int32) ([]byte, error) { return nil, status.Error(c.status, c.text) },
				write: func(context.Context) error { return status.Error(c.status, c.text) },
			}, Options{})
			_, err := client.Read(t.Context(), "EML1", 1)
			if got := flows.CodeOf(err, ""); got != c.read || !strings.Contains(err.Error(), c.text) {
				t.Errorf("read: %s: %v, want %s", got, err, c.read)
			}
			if got := flows.CodeOf(client.Write(t.Context(), "EML1", 1, nil), ""); got != c.write {
				t.Errorf("write: %s, want %s", got, c.write)
			}
		})
	}
}

func TestAMediatorThatIsAwayIsNamedAtOnce(t *testing.T) {
	lis := listen(t)
	address := lis.Addr().String()
	lis.Close()
	c, err := Dial([]string{address}, Options{Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	_, read := c.Read(t.Context(), "EML1", 1)
	batch := c.Batch(t.Context(), "EML1", []emop.Item{{Object: 1}, {Object: 2}})
	for _, err := range []error{read, c.Write(t.Context(), "EML1", 1, nil), batch[0].Err, batch[1].Err} {
		if flows.CodeOf(err, "") != flows.Mediator || !strings.Contains(err.Error(), address) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", flows.CodeOf(err, ""), err, address)
		}
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAWriteCutOffInTheMiddleHasAnUnknownOutcome(t *testing.T) {
	arrived := make(chan struct{})
	c, server := client(t, field{write: func(ctx context.Context) error {
		close(arrived)
		<-ctx.Done()
		return ctx.Err()
	}}, Options{})
	go func() {
		<-arrived
		server.Stop()
	}()
	if err := c.Write(t.Context(), "EML1", 1, nil); flows.CodeOf(err, "") != flows.OutcomeUnknown {
		t.Errorf("%v, want OUTCOME_UNKNOWN", err)
	}
}

func TestACancelledCallIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := client(t, field{read: func(ctx context.Context, _ int32) ([]byte, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}, Options{})
	if _, err := c.Read(ctx, "EML1", 1); flows.CodeOf(err, "") != flows.Cancelled {
		t.Errorf("%v, want CANCELLED", err)
	}
}

func TestAMediatorThatDoesNotAnswerInTimeIsTheMediatorsTrouble(t *testing.T) {
	c, _ := client(t, field{read: func(ctx context.Context, _ int32) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Read(ctx, "EML1", 1); flows.CodeOf(err, "") != flows.Mediator {
		t.Errorf("%v, want MEDIATOR", err)
	}
}

func TestACallHasItsDeadlineAndPriority(t *testing.T) {
	var left time.Duration
	var priority []string
	for p, want := range map[Priority][]string{Schedule: nil, Person: {"person"}, Backfill: {"backfill"}} {
		c, _ := client(t, field{read: func(ctx context.Context, _ int32) ([]byte, error) {
			deadline, _ := ctx.Deadline()
			left, priority = time.Until(deadline), metadata.ValueFromIncomingContext(ctx, "flows-priority")
			return nil, nil
		}}, Options{Spacing: 2 * time.Second, Priority: p})
		if _, err := c.Read(t.Context(), "EML1", 1); err != nil {
			t.Fatal(err)
		}
		if want := 34500 * time.Millisecond; left > want || left < want-time.Second {
			t.Errorf("deadline in %s, want %s", left, want)
		}
		if !slices.Equal(priority, want) {
			t.Errorf("priority %q, want %q", priority, want)
		}
	}
}

func TestDialRefusesWhatIsNoAddress(t *testing.T) {
	for _, addresses := range [][]string{nil, {""}, {"127.0.0.1"}, {"127.0.0.1:1", ":50051"}} {
		if c, err := Dial(addresses, Options{Timeout: time.Second}); err == nil {
			c.Close()
			t.Errorf("%q was taken", addresses)
		}
	}
	if _, err := Dial([]string{"127.0.0.1:1"}, Options{}); err == nil {
		t.Error("a time-out of 0 was taken")
	}
}
