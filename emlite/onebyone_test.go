package emlite

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows"
	"flows/emop"
)

// three items, the last a data field.
var three = []emop.Item{{Object: 1}, {Object: 2}, {DataField: []byte{2, 0x63, 0x62, 0, 0}}}

func codesOf(answers []emop.Answer) string {
	var all []string
	for _, a := range answers {
		if a.Err == nil {
			all = append(all, "read")
		} else {
			all = append(all, string(flows.CodeOf(a.Err, "?")))
		}
	}
	return strings.Join(all, " ")
}

func TestAMediatorWithoutBatchIsAskedOneByOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails map[int32]error
		want  string
		calls int
	}{
		{"all answer", nil, "read read read", 3},
		{"the second fails", map[int32]error{2: status.Error(codes.Internal, "EOFError")}, "read CLOSED read", 3},
		{"the first fails", map[int32]error{1: status.Error(codes.Internal, "failed to connect after retries")}, "UNREACHABLE UNREACHABLE UNREACHABLE", 1},
		{"the first is never answered", map[int32]error{1: status.Error(codes.DeadlineExceeded, "")}, "TIMEOUT TIMEOUT TIMEOUT", 1},
		{"the second meets a busy meter", map[int32]error{2: status.Error(codes.ResourceExhausted, "busy")}, "read BUSY BUSY", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			client, _ := client(t, field{
				read: func(_ context.Context, id int32) ([]byte, error) {
					calls++
					return []byte{byte(id)}, c.fails[id]
				},
				raw: func(dataField []byte) ([]byte, error) { calls++; return dataField[1:], nil },
			}, Options{})
			for range 2 { // the second time it is known to have no batch
				calls = 0
				answers := client.Batch(t.Context(), "EML1", three)
				if got := codesOf(answers); got != c.want || calls != c.calls {
					t.Errorf("%s with %d calls, want %s with %d", got, calls, c.want, c.calls)
				}
				if a := answers[0]; a.Err == nil && (string(a.Payload) != "\x01" || a.Sent.IsZero() || a.Answered.Before(a.Sent)) {
					t.Errorf("answer %+v", a)
				}
			}
		})
	}
}
