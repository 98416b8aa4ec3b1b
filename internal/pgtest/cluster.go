package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"flows/localpg"

	"github.com/jackc/pgx/v5"
)

// cluster is a PostgreSQL server with a template database, both made when first asked for.
type cluster struct {
	prefix  string // of all its databases: other test binaries may use the same server
	count   atomic.Int64
	private *localpg.Server // nil with a server that is not ours
	made    bool            // the template may exist

	migrate  func(ctx context.Context, databaseURL string) error
	start    func() (address, error) // once: a failure too
	migrated func() (string, error)  // once: the name of the template
}

// address gives the URL of a database of the server; "" is the one to administer from.
type address func(database string) string

func newCluster(given string, migrate func(ctx context.Context, databaseURL string) error) *cluster {
	c := &cluster{prefix: "flows_test_" + strings.ToLower(rand.Text()[:8]), migrate: migrate}
	c.start = sync.OnceValues(func() (address, error) {
		if given != "" {
			return parseAddress(given)
		}
		return c.startPrivate()
	})
	c.migrated = sync.OnceValues(c.makeTemplate)
	return c
}

func parseAddress(given string) (address, error) {
	u, err := url.Parse(given)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return nil, errors.New("FLOWS_TEST_DATABASE_URL is not a URL: give postgres://user:password@host:port/database")
	}
	return func(database string) string {
		one := *u
		if database != "" {
			one.Path = "/" + database
		}
		return one.String()
	}, nil
}

func (c *cluster) startPrivate() (address, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	c.private, err = localpg.Start(ctx, localpg.Options{Settings: map[string]string{
		"max_connections": "200",
		"autovacuum":      "off",
	}})
	if err != nil {
		return nil, err
	}
	return func(database string) string {
		if database == "" {
			database = "postgres"
		}
		return c.private.URL(database)
	}, nil
}

// stop ends our server, or removes the template from the other.
func (c *cluster) stop(ctx context.Context) error {
	if c.private != nil {
		return c.private.Stop()
	}
	if !c.made {
		return nil
	}
	return c.drop(ctx, c.templateName())
}

func (c *cluster) templateName() string { return c.prefix + "_template" }

// admin runs f on a connection of its own, so that parallel tests do not queue.
func (c *cluster) admin(ctx context.Context, f func(*pgx.Conn, address) error) error {
	at, err := c.start()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, at(""))
	if err != nil {
		return err
	}
	return errors.Join(f(conn, at), conn.Close(ctx))
}

// makeTemplate migrates a database. Roles belong to the whole server: migrations of other test binaries on it wait
// for the lock.
func (c *cluster) makeTemplate() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	name := c.templateName()
	return name, c.admin(ctx, func(conn *pgx.Conn, at address) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('flows/internal/pgtest'))"); err != nil {
			return err
		}
		c.made = true
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
			return fmt.Errorf("cannot make the template: %w", err)
		}
		if err := c.migrate(ctx, at(name)); err != nil {
			return fmt.Errorf("cannot migrate the template: %w", err)
		}
		return nil
	})
}

// clone makes a database from a template and returns its name and URL. CREATE DATABASE leaves out what the server
// keeps outside of a database, its settings (the search_path) and privileges: they are copied by hand.
func (c *cluster) clone(ctx context.Context, template string) (name, url string, err error) {
	name = fmt.Sprintf("%s_%d", c.prefix, c.count.Add(1))
	err = c.admin(ctx, func(conn *pgx.Conn, at address) error {
		url = at(name)
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
			return fmt.Errorf("cannot clone %s: %w", template, err)
		}
		if _, err := conn.Exec(ctx, copySettings, template, name); err != nil {
			return fmt.Errorf("cannot copy the settings of %s: %w", template, err)
		}
		if _, err := conn.Exec(ctx, copyPrivileges, template, name); err != nil {
			return fmt.Errorf("cannot copy the privileges of %s: %w", template, err)
		}
		return nil
	})
	return name, url, err
}

const copySettings = `
	INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)
	SELECT d.oid, s.setrole, s.setconfig
	FROM pg_db_role_setting s JOIN pg_database t ON t.oid = s.setdatabase, pg_database d
	WHERE t.datname = $1 AND d.datname = $2`

// template0 keeps everybody but superusers out of itself; its copies need not.
const copyPrivileges = `
	UPDATE pg_database d SET datacl = t.datacl FROM pg_database t
	WHERE t.datname = $1 AND d.datname = $2 AND t.datname <> 'template0'`

func (c *cluster) drop(ctx context.Context, name string) error {
	return c.admin(ctx, func(conn *pgx.Conn, _ address) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return err
	})
}
