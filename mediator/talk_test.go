package mediator

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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

// serial of the one meter in most tests.
const serial = "EML2137580761"

const (
	csq        = 0xfffd1d
	backlight  = 0xffff10
	token      = 0xffc803
	secretText = "17446634946215891610"
)

// bench is a mediator with the field's settings, whose one meter is a fake behind a pipe. Its calls skip the network between caller and
// mediator.
type bench struct {
	elementService
	meter *fake
}

// onBench runs a test in fake time. Its log is shown when it fails.
func onBench(t *testing.T, meter *fake, test func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := Defaults()
		var log bytes.Buffer
		o.Dial, o.Log = meter.dial, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		t.Cleanup(func() {
			if t.Failed() {
				t.Output().Write(log.Bytes())
			}
		})
		s, err := New(book{serial: netip.MustParseAddrPort("10.0.0.1:8080"), "nowhere": {}}, o)
		if err != nil {
			t.Fatal(err)
		}
		test(t, bench{elementService{Server: s}, meter})
		time.Sleep(o.Spacing + 2*o.IdleClose + o.Spacing)
		synctest.Wait()
		if got := len(s.turns.lines); got != 0 {
			t.Errorf("%d lines are left", got)
		}
		if got := meter.sockets(); got != 0 {
			t.Errorf("%d sockets are left", got)
		}
		s.Stop(t.Context())
	})
}

func (b bench) read(ctx context.Context, object int32) ([]byte, error) {
	reply, err := b.ReadElement(ctx, &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: object})
	return reply.GetResponse(), err
}

func (b bench) write(ctx context.Context, object int32, payload string) error {
	_, err := b.WriteElement(ctx, &mediatorpb.WriteElementRequest{Serial: serial, ObjectId: object, Payload: []byte(payload)})
	return err
}

// batch reads the objects and gives the replies that came.
func (b bench) batch(ctx context.Context, objects ...int32) ([]*mediatorpb.ReadBatchReply, error) {
	in := &mediatorpb.ReadBatchRequest{Serial: serial}
	for _, id := range objects {
		in.Items = append(in.Items, &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_ObjectId{ObjectId: id}})
	}
	s := &stream{ctx: ctx}
	err := b.ReadBatch(in, s)
	return s.replies, err
}

// stream is the caller's end of a batch.
type stream struct {
	grpc.ServerStream
	ctx     context.Context
	replies []*mediatorpb.ReadBatchReply
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) Send(r *mediatorpb.ReadBatchReply) error {
	s.replies = append(s.replies, r)
	return nil
}

func asPerson(ctx context.Context) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs(PriorityKey, Person))
}

func asBackfill(ctx context.Context) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs(PriorityKey, Backfill))
}

// reasonOf gives the ErrorInfo reason of a call's error, and its NAK; "" for nil.
func reasonOf(t *testing.T, err error) (reason, nak string) {
	t.Helper()
	if err == nil {
		return "", ""
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "flows" {
			return info.GetReason(), info.GetMetadata()["nak"]
		}
	}
	t.Errorf("no ErrorInfo with %v", err)
	return "", ""
}

// objectOf gives the object a request was for.
func objectOf(f emop.Frame) int32 {
	return int32(f.Data[1])<<16 | int32(f.Data[2])<<8 | int32(f.Data[3])
}

// spaced checks that no request went out before the gap after the one before was over.
func spaced(t *testing.T, seen []sighting, gap time.Duration) {
	t.Helper()
	for i := 1; i < len(seen); i++ {
		if got := seen[i].at.Sub(seen[i-1].at); got < gap {
			t.Errorf("request %d came %s after the one before, want %s or more", i+1, got, gap)
		}
	}
}
