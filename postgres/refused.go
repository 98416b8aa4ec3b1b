package postgres

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// refusals are the SQLSTATE classes (PostgreSQL's manual, appendix A) that say that the data or the statement is at fault, and will be
// the next time too. All others speak of the connection, the server or of others who use it: they pass, or a person ends them.
var refusals = []string{
	"21", // cardinality violation
	"22", // data exception
	"23", // integrity constraint violation
	"42", // syntax error or access rule violation: no such table, no right to it
	"44", // WITH CHECK OPTION violation
	"54", // program limit exceeded: a value too large
	"P0", // raised by a function or trigger
}

// tooMuchAtOnce is a limit that an administrator has set, such as TimescaleDB's of how much one transaction may decompress. It passes no
// more than a refusal does, and what is too much for many meters may do for a few.
const tooMuchAtOnce = "53400"

// refused says whether the server had the data and did not want it.
func refused(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || len(answer.Code) != 5 {
		return false
	}
	return answer.Code == tooMuchAtOnce || slices.Contains(refusals, answer.Code[:2])
}
