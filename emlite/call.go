package emlite

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"flows/emop"
	"flows/mediator/mediatorpb"
)

// Read reads the payload of one object. Its error is a *flows.Error, as everywhere here.
func (c *Client) Read(ctx context.Context, serial string, id emop.ID) ([]byte, error) {
	ctx, cancel := c.prepare(ctx, 1)
	defer cancel()
	m := c.of(serial)
	reply, err := m.elements.ReadElement(ctx, &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: int32(id)})
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	return reply.GetResponse(), nil
}

// Raw sends a data field, format byte included, and gives the answering one without its format byte. A data field that writes goes
// through Write, which knows what a lost answer means.
func (c *Client) Raw(ctx context.Context, serial string, dataField []byte) ([]byte, error) {
	ctx, cancel := c.prepare(ctx, 1)
	defer cancel()
	m := c.of(serial)
	reply, err := m.elements.SendRawMessage(ctx, &mediatorpb.SendRawMessageRequest{Serial: serial, DataField: dataField})
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	return reply.GetResponse(), nil
}

// Write writes one object, at most once. With OUTCOME_UNKNOWN the meter may have done it or not: read it back.
func (c *Client) Write(ctx context.Context, serial string, id emop.ID, payload []byte) error {
	ctx, cancel := c.prepare(ctx, 1)
	defer cancel()
	m := c.of(serial)
	var reached peer.Peer
	_, err := m.elements.WriteElement(ctx, &mediatorpb.WriteElementRequest{Serial: serial, ObjectId: int32(id), Payload: payload},
		grpc.Peer(&reached))
	if err != nil {
		return m.writeFailure(ctx, err, reached.Addr != nil)
	}
	return nil
}

// Info gives what the database knows of a meter: {"registry": row, "shadow": row}.
func (c *Client) Info(ctx context.Context, serial string) ([]byte, error) {
	ctx, cancel := c.prepare(ctx, 0)
	defer cancel()
	m := c.of(serial)
	reply, err := m.info.GetInfo(ctx, &mediatorpb.GetInfoRequest{Serial: serial})
	if err != nil {
		return nil, m.failure(ctx, err)
	}
	return []byte(reply.GetJsonData()), nil
}
