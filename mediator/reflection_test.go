package mediator

import (
	"testing"

	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// TestAClientThatKnowsOnlyReflectionReadsAMeter does what grpcurl does: it learns the messages from the server and calls with them.
func TestAClientThatKnowsOnlyReflectionReadsAMeter(t *testing.T) {
	const service = "simt_emlite.mediator.grpc.EmliteMediatorService"
	m, _ := serve(t, book{serial: mustAddress("127.0.0.1:8080")}, &fake{do: answerWell})
	stream, err := grpc_reflection_v1.NewServerReflectionClient(m.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.CloseSend()
	err = stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service}})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, b := range reply.GetFileDescriptorResponse().GetFileDescriptorProto() {
		f := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(b, f); err != nil {
			t.Fatal(err)
		}
		if f.GetPackage() == "simt_emlite.mediator.grpc" {
			set.File = append(set.File, f)
		}
	}
	if len(set.File) != 1 {
		t.Fatalf("%d files describe the service", len(set.File))
	}
	// What it imports is Google's and known to every client.
	file, err := protodesc.NewFile(set.File[0], protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	method := file.Services().ByName("EmliteMediatorService").Methods().ByName("readElement")
	in, out := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	in.Set(in.Descriptor().Fields().ByName("serial"), protoreflect.ValueOfString(serial))
	in.Set(in.Descriptor().Fields().ByName("objectId"), protoreflect.ValueOfInt32(0xfffd1d))
	if err := m.conn.Invoke(t.Context(), "/"+service+"/readElement", in, out); err != nil {
		t.Fatal(err)
	}
	if got := out.Get(out.Descriptor().Fields().ByName("response")).Bytes(); len(got) == 0 {
		t.Error("the answer is empty")
	}
}
