package mediator

import (
	"flows/emop"
)

// maxItems of one batch; the longest of a run has about 170.
const maxItems = 1000

// readRequest checks an object id from a caller.
func readRequest(objectID int32) (request, error) {
	id, err := object(objectID)
	return request{data: emop.AppendRead(nil, id)}, err
}

// writeRequest checks an object id and a payload from a caller. A clock that is written without a payload is set to the time at which the
// write goes out.
func writeRequest(objectID int32, payload []byte) (request, error) {
	id, err := object(objectID)
	r := request{data: emop.AppendWrite(nil, id, payload), write: true, now: id == emop.Time.ID && len(payload) == 0}
	if err == nil && len(r.data) > emop.MaxData {
		err = invalid("payload of %d bytes: a frame holds at most %d", len(payload), emop.MaxData-5)
	}
	return r, err
}

func object(id int32) (emop.ID, error) {
	if id < 0 || id > 0xffffff {
		return 0, invalid("object id %d is not between 000000 and ffffff", id)
	}
	return emop.ID(id), nil
}

// dataFields says which data fields a caller may send: the least and the most bytes, the format byte included.
var dataFields = map[byte]struct{ least, most int }{
	emop.FormatDefault:       {5, emop.MaxData},
	emop.FormatEventLog:      {5, 5},
	emop.FormatProfile1:      {5, 5},
	emop.FormatProfile2:      {5, 5},
	emop.FormatThreePhaseLog: {14, 14},
}

// rawRequest checks a data field from a caller. A profile number of the three phase log other than 0 may be the one that resets the
// log, which has taken real meters down until someone visited them: it is never sent.
func rawRequest(data []byte) (request, error) {
	if len(data) == 0 {
		return request{}, invalid("data field is empty")
	}
	size, ok := dataFields[data[0]]
	switch {
	case !ok:
		return request{}, invalid("format byte %02x is none of 01 to 05", data[0])
	case len(data) < size.least || len(data) > size.most:
		return request{}, invalid("data field of format %d with %d bytes: not between %d and %d", data[0], len(data), size.least, size.most)
	case data[0] == emop.FormatThreePhaseLog && data[1] != 0:
		return request{}, invalid("profile number %d of the three phase log is not allowed: only 0 is", data[1])
	case data[0] == emop.FormatDefault && data[4] > 1:
		return request{}, invalid("read/write flag %02x is neither 00 nor 01", data[4])
	}
	return request{data: data, write: data[0] == emop.FormatDefault && data[4] == 1}, nil
}
