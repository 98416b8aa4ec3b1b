package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
)

// connectLimit is for the connection that listens: a server that does not answer at all must not hold it up.
const connectLimit = 10 * time.Second

// Addresses calls each for the meters of the serials, or for all meters when none are given, with the zero AddrPort for a meter
// without an address. Serials that are not registered are left out.
func (s *Store) Addresses(ctx context.Context, serials []string, each func(serial string, address netip.AddrPort)) error {
	sql, args := `select serial, ip_address, port from flows.meter_registry`, []any(nil)
	if len(serials) > 0 {
		sql, args = sql+` where serial = any($1)`, []any{serials}
	}
	rows, _ := s.pool.Query(ctx, sql, args...)
	var serial string
	var ip *netip.Addr
	var port uint16
	_, err := pgx.ForEachRow(rows, []any{&serial, &ip, &port}, func() error {
		var address netip.AddrPort
		if ip != nil {
			address = netip.AddrPortFrom(*ip, port)
		}
		each(serial, address)
		return nil
	})
	return trouble("read addresses of meters", err)
}

// Changes listens for changed addresses on a connection of its own: it calls each with nil (any may have changed) as soon as it hears,
// then with the serials of the meters that were added, changed or deleted, nil when they are many. It returns when the context ends,
// the connection is lost or each gives an error; what changes after that is not heard.
func (s *Store) Changes(ctx context.Context, each func(serials []string) error) error {
	conn, err := s.listener(ctx)
	if err != nil {
		return trouble("listen for changed addresses", err)
	}
	defer hangUp(ctx, conn)
	if err := each(nil); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return trouble("hear of changed addresses", err)
		}
		if err := each(named(n.Payload)); err != nil {
			return err
		}
	}
}

func (s *Store) listener(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, `listen flows_meter_registry`); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// hangUp says goodbye to the server, if it still listens, though the context has ended.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// named gives the serials of a notification; nil when it names none, as '*' does.
func named(payload string) (serials []string) {
	if json.Unmarshal([]byte(payload), &serials) != nil {
		return nil
	}
	return serials
}
