package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// right is one thing that must be so outside of the tables themselves: a role, a setting, a grant. Roles belong to the whole server and
// settings to its owner, so these are no migrations: each is looked at every time and set if it can be.
type right struct {
	check     string // a query for one boolean: nothing to do
	statement string
}

// rights are set in this order. Raw reads are the audit trail: role flows adds to them and cannot change them.
func rights(database string) []right {
	list := []right{{
		check: `select exists (select from pg_db_role_setting where setrole = 0 and 'search_path=flows, public' = any(setconfig)
			and setdatabase = (select oid from pg_database where datname = current_database()))`,
		statement: fmt.Sprintf(`ALTER DATABASE %s SET search_path = flows, public`, database),
	}}
	for _, role := range []string{"flows", "grafanareader"} {
		list = append(list, right{
			check:     fmt.Sprintf(`select exists (select from pg_roles where rolname = '%s')`, role),
			statement: fmt.Sprintf(`CREATE ROLE %s NOLOGIN`, role),
		}, right{
			check: fmt.Sprintf(`select exists (select from pg_db_role_setting where setdatabase = 0 and setrole = '%s'::regrole
				and 'search_path=flows, public' = any(setconfig))`, role),
			statement: fmt.Sprintf(`ALTER ROLE %s SET search_path = flows, public`, role),
		})
		for _, schema := range []string{"flows", riverSchema} {
			list = append(list, right{
				check:     fmt.Sprintf(`select has_schema_privilege('%s', '%s', 'usage')`, role, schema),
				statement: fmt.Sprintf(`GRANT USAGE ON SCHEMA %s TO %s`, schema, role),
			}, right{
				check:     everyTable(schema, role, "", "select"),
				statement: fmt.Sprintf(`GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %s`, schema, role),
			})
		}
	}
	raw := []string{"register_import", "register_export", "register_profile_hh", "register_profile_conflict"}
	rawNames := "'" + strings.Join(raw, "', '") + "'"
	return append(list, right{
		check:     everyTable("flows", "flows", `'schema_version'`, "insert"),
		statement: `GRANT INSERT ON ALL TABLES IN SCHEMA flows TO flows`,
	}, right{
		check:     everyTable("flows", "flows", `'schema_version', `+rawNames, "update", "delete"),
		statement: `GRANT UPDATE, DELETE ON ALL TABLES IN SCHEMA flows TO flows`,
	}, right{
		check:     noTable("flows", "flows", "update, delete, truncate", rawNames),
		statement: `REVOKE UPDATE, DELETE, TRUNCATE ON flows.` + strings.Join(raw, ", flows.") + ` FROM flows`,
	}, right{
		check:     noTable("flows", "flows", "insert, update, delete, truncate", `'schema_version'`),
		statement: `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON flows.schema_version FROM flows`,
	}, right{
		check:     everyTable(riverSchema, "flows", `'river_migration'`, "insert", "update", "delete"),
		statement: `GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO flows`,
	}, right{
		check:     noTable(riverSchema, "flows", "insert, update, delete, truncate", `'river_migration'`),
		statement: `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON river.river_migration FROM flows`,
	}, right{
		check: `select coalesce(bool_and(has_sequence_privilege('flows', c.oid, 'usage')), true) from pg_class c
			where c.relnamespace = 'river'::regnamespace and c.relkind = 'S'`,
		statement: `GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO flows`,
	})
}

// everyTable asks for all of the privileges on all tables but some.
func everyTable(schema, role, except string, privileges ...string) string {
	if except == "" {
		except = "''"
	}
	all := make([]string, len(privileges))
	for i, p := range privileges {
		all[i] = fmt.Sprintf(`has_table_privilege('%s', c.oid, '%s')`, role, p)
	}
	return fmt.Sprintf(`select coalesce(bool_and(%s), true) from pg_class c
		where c.relnamespace = '%s'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname not in (%s)`,
		strings.Join(all, " and "), schema, except)
}

// noTable asks whether none of the privileges is there, on any of the tables. From a superuser nothing can be taken.
func noTable(schema, role, privileges, only string) string {
	return fmt.Sprintf(`select coalesce(not bool_or(has_table_privilege('%s', c.oid, '%s')), true) from pg_class c
		where c.relnamespace = '%s'::regnamespace and c.relname in (%s)
			and not (select rolsuper from pg_roles where oid = '%[1]s'::regrole)`, role, privileges, schema, only)
}

// grant sets what is not yet so and returns the statements it was not allowed to run.
func grant(ctx context.Context, db *database) (notices []string, err error) {
	var name string
	if err := db.QueryRowContext(ctx, `select quote_ident(current_database())`).Scan(&name); err != nil {
		return nil, err
	}
	for _, r := range rights(name) {
		done, err := holds(ctx, db, r)
		if err != nil {
			return notices, err
		}
		if done {
			continue
		}
		switch done, err := set(ctx, db, r); {
		case err != nil:
			return notices, fmt.Errorf("%s: %w", r.statement, err)
		case !done:
			notices = append(notices, r.statement)
		}
	}
	return notices, nil
}

// set runs the statement; not done is what this user may not do. A GRANT without the right to grant may be only a warning, so it asks again.
func set(ctx context.Context, db *database, r right) (done bool, err error) {
	switch _, err := db.ExecContext(ctx, r.statement); {
	case isCode(err, insufficientPrivilege, undefinedObject):
		return false, nil
	case isCode(err, duplicateObject, uniqueViolation): // another database of this server was migrated at the same moment
		return true, nil
	case err != nil:
		return false, err
	}
	return holds(ctx, db, r)
}

// holds asks the check; a role that does not exist has no right.
func holds(ctx context.Context, db *database, r right) (done bool, err error) {
	done, err = ask(ctx, db, r.check)
	if isCode(err, undefinedObject) {
		return false, nil
	}
	return done, err
}

// SQLSTATEs, from appendix A of PostgreSQL's manual.
const (
	insufficientPrivilege = "42501"
	undefinedObject       = "42704"
	duplicateObject       = "42710"
	uniqueViolation       = "23505"
	dependentObjects      = "2BP01"
)

func isCode(err error, codes ...string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}
