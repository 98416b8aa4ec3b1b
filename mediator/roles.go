package mediator

import (
	"context"
	"log/slog"
	"path"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"flows"
	"flows/mediator/mediatorpb"
)

// roles are a set of who may call.
type roles uint8

const (
	internal roles = 1 << iota // everything
	partner                    // reads of objects, and info
	readonly                   // info
	stranger                   // without a certificate that says a role

	known     = internal | partner | readonly
	everybody = known | stranger
)

// roleNames are those of certificates.
var roleNames = map[string]roles{"internal": internal, "partner": partner, "readonly": readonly}

// mayCall has every method with its full name: one that is missing here nobody may call.
var mayCall = map[string]roles{
	"/simt_emlite.mediator.grpc.EmliteMediatorService/sendRawMessage": internal,
	"/simt_emlite.mediator.grpc.EmliteMediatorService/writeElement":   internal,
	"/simt_emlite.mediator.grpc.EmliteMediatorService/readElement":    internal | partner,
	"/simt_emlite.mediator.grpc.EmliteMediatorService/readBatch":      internal | partner, // data fields: internal, see RecvMsg
	"/simt_emlite.mediator.grpc.InfoService/GetInfo":                  known,
	"/simt_emlite.mediator.grpc.InfoService/GetMeters":                known,
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":       known,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":  known,
	"/grpc.health.v1.Health/Check":                                    everybody,
	"/grpc.health.v1.Health/List":                                     everybody,
	"/grpc.health.v1.Health/Watch":                                    everybody,
}

// Certificates are looked at when a connection begins, so connections end now and then: an expired certificate, or a CA that was taken
// away, is not good for ever. The grace is longer than a batch of maxItems takes.
const (
	connectionAge   = time.Hour
	connectionGrace = time.Hour
)

// transport gives the options of the gRPC server that say how callers connect and what they may do. Without TLS everybody may do
// everything.
func (o Options) transport() []grpc.ServerOption {
	if o.TLS == nil {
		return nil
	}
	g := gate{o.Identify, o.Log}
	return []grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(o.TLS)), grpc.ChainUnaryInterceptor(g.unary), grpc.ChainStreamInterceptor(g.stream),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: connectionGrace}),
	}
}

// gate lets callers do what their role may.
type gate struct {
	identify Identify
	log      *slog.Logger
}

// caller is who calls.
type caller struct {
	name, roleName string
	role           roles
}

func (g gate) unary(ctx context.Context, in any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if _, err := g.admit(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handle(ctx, in)
}

func (g gate) stream(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	c, err := g.admit(s.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handle(server, guarded{s, g, c})
}

// guarded is a stream whose requests are looked at.
type guarded struct {
	grpc.ServerStream
	gate   gate
	caller caller
}

// RecvMsg refuses the data fields of who may not send raw messages: any request could be in one.
func (s guarded) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if in, ok := m.(*mediatorpb.ReadBatchRequest); ok && s.caller.role != internal {
		for _, item := range in.GetItems() {
			if _, raw := item.GetWhat().(*mediatorpb.BatchItem_DataField); raw {
				return s.gate.refuse(s.Context(), s.caller, "a batch with data fields")
			}
		}
	}
	return nil
}

// admit says who calls, and refuses who may not call the method.
func (g gate) admit(ctx context.Context, method string) (caller, error) {
	c := g.caller(ctx)
	if mayCall[method]&c.role == 0 {
		return c, g.refuse(ctx, c, path.Base(method))
	}
	return c, nil
}

func (g gate) caller(ctx context.Context) caller {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return caller{role: stranger}
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return caller{role: stranger}
	}
	name, roleName, ok := g.identify(info.State)
	if role := roleNames[roleName]; ok && role != 0 {
		return caller{name, roleName, role}
	}
	return caller{role: stranger}
}

// refuse makes the error of a caller who may not do that.
func (g gate) refuse(ctx context.Context, c caller, what string) error {
	address := ""
	if p, ok := peer.FromContext(ctx); ok {
		address = p.Addr.String()
	}
	g.log.Info("call refused", "call", what, "client", c.name, "role", c.roleName, "from", address)
	if c.role == stranger {
		return statusOf(flows.Errorf(flows.Unauthenticated,
			"call refused: this mediator wants a client certificate that says a role: flows certs client issues one"))
	}
	return statusOf(flows.Errorf(flows.Permission, "call refused: client %s with role %s may not call %s", c.name, c.roleName, what))
}
