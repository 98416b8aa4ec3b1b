package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flows"

	"github.com/jackc/pgx/v5"
)

// RegistrationError says what is wrong with one registration.
type RegistrationError struct {
	Index  int // in the slice given to Register
	Serial string
	Reason string
}

func (e RegistrationError) Error() string { return fmt.Sprintf("meter %s: %s", e.Serial, e.Reason) }

// RegistrationErrors are all the reasons why Register stored nothing, by index; a registration may have several.
type RegistrationErrors []RegistrationError

func (e RegistrationErrors) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	return fmt.Sprintf("%d problems, nothing stored; the first: %s", len(e), e[0].Error())
}

// Register adds the meters with new serials and changes the known ones; changed counts those of which something is different now.
// Either all registrations are stored or, with RegistrationErrors, none.
func (s *Store) Register(ctx context.Context, list []flows.Registration) (added, changed int, err error) {
	err = s.staged(ctx, list, func(tx pgx.Tx) error {
		added, changed, err = apply(ctx, tx)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	return added, changed, nil
}

// Changed is one value that was given for a known meter; Old and New are equal when it was there already, nil is none.
type Changed struct {
	Serial string  `json:"serial"`
	Column string  `json:"column"`
	Old    *string `json:"old"`
	New    *string `json:"new"`
}

// Same says whether the value was there already.
func (c Changed) Same() bool {
	return c.Old == c.New || c.Old != nil && c.New != nil && *c.Old == *c.New
}

// Change changes known meters as Register does, and tells of every value that is given. Errors: *UnknownSerials, *Replaced,
// RegistrationErrors, or *flows.Error with Database.
func (s *Store) Change(ctx context.Context, list []flows.Registration) (changes []Changed, err error) {
	var f Filter
	for _, r := range list {
		f.Serials = append(f.Serials, r.Serial)
	}
	if err := s.known(ctx, f); err != nil {
		return nil, s.replaced(ctx, err)
	}
	err = s.staged(ctx, list, func(tx pgx.Tx) error {
		if changes, err = compare(ctx, tx, list); err != nil {
			return err
		}
		added, _, err := apply(ctx, tx)
		if err == nil && added > 0 {
			err = errors.New("a meter was taken away at this moment: run it again")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// replaced tells of the first unknown meter that was exchanged; the error as it is when none was.
func (s *Store) replaced(ctx context.Context, err error) error {
	var unknown *UnknownSerials
	if !errors.As(err, &unknown) {
		return err
	}
	for _, serial := range unknown.Serials {
		if by, at, e := successor(ctx, s.pool, serial); e == nil && by != "" {
			return &Replaced{serial, by, at}
		}
	}
	return err
}

// Check finds what Register would refuse and stores nothing.
func (s *Store) Check(ctx context.Context, list []flows.Registration) error {
	return s.staged(ctx, list, func(pgx.Tx) error { return nil })
}

// staged calls do in a transaction when nothing is wrong with the list.
func (s *Store) staged(ctx context.Context, list []flows.Registration, do func(pgx.Tx) error) error {
	if len(list) == 0 {
		return nil
	}
	problems := checkValues(list)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := stage(ctx, tx, list, problems); err != nil {
			return err
		}
		more, err := conflicts(ctx, tx, list)
		if err != nil {
			return err
		}
		if problems = append(problems, more...); len(problems) > 0 {
			return problems
		}
		return do(tx)
	})
	if len(problems) > 0 && errors.As(err, new(RegistrationErrors)) {
		slices.SortStableFunc(problems, func(a, b RegistrationError) int { return a.Index - b.Index })
		return problems
	}
	return trouble("register meters", err)
}

// checkValues finds what is wrong without looking at the database.
func checkValues(list []flows.Registration) (problems RegistrationErrors) {
	seen := make(map[string]bool, len(list))
	for i, r := range list {
		add := func(format string, args ...any) {
			problems = append(problems, RegistrationError{i, r.Serial, fmt.Sprintf(format, args...)})
		}
		err := flows.CheckSerial(r.Serial)
		switch {
		case err != nil:
			add("%v", err)
		case strings.TrimSpace(r.Serial) != r.Serial:
			add("the serial has spaces around it")
		case seen[r.Serial]:
			add("the serial comes twice")
		}
		seen[r.Serial] = true
		for _, text := range []*string{r.Hardware, r.ESCO, r.Name, r.Feeder} {
			if text != nil && !storable(*text) {
				add("%q has a character that cannot be stored", *text)
			}
		}
		if r.Address != nil && r.Address.Zone() != "" {
			add("address %s has a zone", r.Address)
		}
		if r.Mode != nil && *r.Mode != "" {
			if _, err := flows.ParseMode(string(*r.Mode)); err != nil {
				add("%v", err)
			}
		}
		if r.FuseRating != nil && (*r.FuseRating < 0 || *r.FuseRating > maxFuse) {
			add("fuse rating %d A is not possible", *r.FuseRating)
		}
		if r.Phases != nil && (*r.Phases < 0 || *r.Phases > 3) {
			add("%d phases are not possible", *r.Phases)
		}
	}
	return problems
}

// maxFuse (A) is beyond any meter, and keeps a typing error from becoming a value.
const maxFuse = 10_000

// stage puts the wanted rows into a temporary table: what was given, and what is there already where nothing was. The lock lets
// reading go on and makes every other change of the registry wait, so that what is checked stays true until the end.
func stage(ctx context.Context, tx pgx.Tx, list []flows.Registration, bad RegistrationErrors) error {
	for _, sql := range []string{
		`lock table flows.meter_registry in share row exclusive mode`,
		`create temp table registration (n integer, known uuid, esco_code text, serial text,
			ip_address inet, port integer, hardware text, esco uuid, mode text, name text, feeder text,
			fuse_rating integer, phases integer, maintenance boolean) on commit drop`,
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	skip := map[int]bool{}
	for _, p := range bad {
		skip[p.Index] = true
	}
	if _, err := tx.Exec(ctx, fillStage, stageColumns(list, skip)...); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `analyze registration`)
	return err
}

// fillStage has two arrays a value: whether it was given, and what; ” clears.
const fillStage = `
	insert into registration
	select v.n, r.id, case when v.esco_given then v.esco else '' end, v.serial,
		case when v.ip_given then nullif(v.ip, '')::inet else r.ip_address end,
		case when v.port_given then coalesce(nullif(v.port, '')::integer, 8080) else coalesce(r.port, 8080) end,
		case when v.hardware_given then nullif(v.hardware, '') else r.hardware end,
		case when v.esco_given then e.id else r.esco end,
		case when v.mode_given then coalesce(nullif(v.mode, ''), 'active') else coalesce(r.mode, 'active') end,
		case when v.name_given then nullif(v.name, '') else r.name end,
		case when v.feeder_given then nullif(v.feeder, '') else r.feeder end,
		case when v.fuse_given then nullif(v.fuse, '')::integer else r.fuse_rating end,
		case when v.phases_given then nullif(v.phases, '')::integer else r.phases end,
		case when v.maintenance_given then v.maintenance = 'true' else coalesce(r.maintenance, false) end
	from unnest($1::integer[], $2::text[], $3::boolean[], $4::text[], $5::boolean[], $6::text[], $7::boolean[], $8::text[],
		$9::boolean[], $10::text[], $11::boolean[], $12::text[], $13::boolean[], $14::text[], $15::boolean[], $16::text[],
		$17::boolean[], $18::text[], $19::boolean[], $20::text[], $21::boolean[], $22::text[])
		v (n, serial, ip_given, ip, port_given, port, hardware_given, hardware, esco_given, esco, mode_given, mode,
			name_given, name, feeder_given, feeder, fuse_given, fuse, phases_given, phases, maintenance_given, maintenance)
	left join flows.meter_registry r on r.serial = v.serial
	left join flows.escos e on lower(e.code) = lower(v.esco)`

func stageColumns(list []flows.Registration, skip map[int]bool) []any {
	const values = 10
	var n []int
	var serials []string
	given := make([][]bool, values)
	texts := make([][]string, values)
	for i := range list {
		if skip[i] {
			continue
		}
		n, serials = append(n, i), append(serials, list[i].Serial)
		for c, text := range registrationTexts(&list[i]) {
			given[c] = append(given[c], text != nil)
			if text == nil {
				text = new("")
			}
			texts[c] = append(texts[c], *text)
		}
	}
	args := []any{n, serials}
	for c := range values {
		args = append(args, given[c], texts[c])
	}
	return args
}

// registrationTexts gives the values in fillStage's order: nil = leave, "" = clear.
func registrationTexts(r *flows.Registration) [10]*string {
	texts := [10]*string{2: r.Hardware, 3: r.ESCO, 5: r.Name, 6: r.Feeder, 7: positive(r.FuseRating), 8: positive(r.Phases), 9: boolean(r.Maintenance)}
	if r.Address != nil {
		texts[0] = new("")
		if r.Address.IsValid() {
			*texts[0] = r.Address.Unmap().String()
		}
	}
	if r.Port != nil {
		texts[1] = positive(new(int(*r.Port)))
	}
	if r.Mode != nil {
		texts[4] = new(strings.ToLower(string(*r.Mode)))
	}
	return texts
}

func positive(i *int) *string {
	if i != nil && *i == 0 {
		return new("")
	}
	return integer(i)
}

// conflicts finds what only the database knows. Of several at one address, the one that is there already is right, or else the first.
func conflicts(ctx context.Context, tx pgx.Tx, list []flows.Registration) (problems RegistrationErrors, err error) {
	rows, _ := tx.Query(ctx, `
		select n, format('ESCO "%s" is not known', esco_code) from registration where esco_code <> '' and esco is null
		union all
		select t.n, format('address %s port %s is that of meter %s', host(t.ip_address), t.port, r.serial)
		from registration t join flows.meter_registry r on (r.ip_address, r.port) = (t.ip_address, t.port)
		where not exists (select from registration o where o.known = r.id)
		union all
		select n, format('address %s port %s is also that of meter %s', host(ip_address), port, first)
		from (select t.n, t.ip_address, t.port, first_value(t.serial) over w as first, row_number() over w as i
			from registration t left join flows.meter_registry r on r.id = t.known and (r.ip_address, r.port) = (t.ip_address, t.port)
			where t.ip_address is not null
			window w as (partition by t.ip_address, t.port order by r.id is null, t.n)) d
		where i > 1
		order by 1`)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p RegistrationError, err error) {
		err = row.Scan(&p.Index, &p.Reason)
		p.Serial = list[p.Index].Serial
		return p, err
	})
}

// compare gives the values that are given, each with what is there before apply.
func compare(ctx context.Context, tx pgx.Tx, list []flows.Registration) (all []Changed, err error) {
	columns := [...]string{"ip_address", "port", "hardware", "esco", "mode", "name", "feeder", "fuse_rating", "phases", "maintenance"} // as in registrationTexts
	rows, _ := tx.Query(ctx, `
		select t.n,
			array[host(r.ip_address), r.port::text, r.hardware, o.code, r.mode, r.name, r.feeder, r.fuse_rating::text, r.phases::text, r.maintenance::text],
			array[host(t.ip_address), t.port::text, t.hardware, e.code, t.mode, t.name, t.feeder, t.fuse_rating::text, t.phases::text, t.maintenance::text]
		from registration t join flows.meter_registry r on r.id = t.known
		left join flows.escos o on o.id = r.esco
		left join flows.escos e on e.id = t.esco
		order by t.n`)
	var n int
	var is, wanted []*string
	_, err = pgx.ForEachRow(rows, []any{&n, &is, &wanted}, func() error {
		for c, given := range registrationTexts(&list[n]) {
			if given != nil {
				all = append(all, Changed{list[n].Serial, columns[c], is[c], wanted[c]})
			}
		}
		return nil
	})
	return all, err
}

// apply changes first, so that a new meter can take the address a known one gives up.
func apply(ctx context.Context, tx pgx.Tx) (added, changed int, err error) {
	const columns = `ip_address, port, hardware, esco, mode, name, feeder, fuse_rating, phases, maintenance`
	old, wanted := "r."+strings.ReplaceAll(columns, " ", " r."), "t."+strings.ReplaceAll(columns, " ", " t.")
	tag, err := tx.Exec(ctx, `update flows.meter_registry r set (`+columns+`) = row (`+wanted+`) from registration t
		where r.id = t.known and (`+old+`) is distinct from (`+wanted+`)`)
	if err != nil {
		return 0, 0, err
	}
	changed = int(tag.RowsAffected())
	tag, err = tx.Exec(ctx, `insert into flows.meter_registry (serial, `+columns+`) select serial, `+columns+` from registration
		where known is null order by n`)
	return int(tag.RowsAffected()), changed, err
}
