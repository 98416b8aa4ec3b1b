package mediator

import (
	"context"

	"flows/mediator/mediatorpb"
)

// infoService is the part of the server that answers from the registry.
type infoService struct {
	mediatorpb.UnimplementedInfoServiceServer
	*Server
}

// GetInfo gives what the database knows of a meter.
func (s infoService) GetInfo(ctx context.Context, in *mediatorpb.GetInfoRequest) (*mediatorpb.GetInfoReply, error) {
	if err := checkSerial(in.GetSerial()); err != nil {
		return nil, statusOf(err)
	}
	ctx, cancel := s.budget(ctx, 0)
	defer cancel()
	json, err := s.registry.Info(ctx, in.GetSerial())
	if err != nil {
		return nil, statusOf(registryError(ctx, in.GetSerial(), err))
	}
	return &mediatorpb.GetInfoReply{JsonData: string(json)}, nil
}

// GetMeters lists the meters of an ESCO, or all.
func (s infoService) GetMeters(ctx context.Context, in *mediatorpb.GetMetersRequest) (*mediatorpb.GetMetersReply, error) {
	ctx, cancel := s.budget(ctx, 0)
	defer cancel()
	json, err := s.registry.Meters(ctx, in.GetEsco())
	if err != nil {
		return nil, statusOf(registryError(ctx, "", err))
	}
	return &mediatorpb.GetMetersReply{JsonMeters: string(json)}, nil
}
