"""What is in a database, in figures that can be compared with those of its copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection, sql

# Rows become text below, so whatever decides how they read is the same on both sides.
READING = """
SELECT set_config(name, value, true) FROM (VALUES
    ('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'),
    ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('xmloption', 'content'),
    ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0')
) AS wanted (name, value)
"""
OURS = """
namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema' AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE pg_depend.classid = '{catalog}'::regclass AND pg_depend.objid = {of}.oid AND deptype = 'e'
)
"""
TABLES = f"""
SELECT namespace.nspname, relation.relname
FROM pg_class AS relation JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE relkind = 'r' AND relpersistence <> 't'
  AND {OURS.format(catalog="pg_class", of="relation")}
ORDER BY 1, 2
"""
# The sum doesn't depend on the order of the rows, and unlike XOR counts each of two that are alike.
ROWS = """
SELECT count(*), coalesce(sum(high), 0), coalesce(sum(low), 0)
FROM (
    SELECT ('x' || left(md5, 16))::bit(64)::bigint AS high,
        ('x' || right(md5, 16))::bit(64)::bigint AS low
    FROM (SELECT md5(_whole_row::text) AS md5 FROM {table} AS _whole_row) AS rows
) AS halves
"""
# By what names them and makes them work. Not by their definitions: Postgres words some expressions
# anew each time that they are dumped and restored.
RELATIONS = f"""
relation AS (
    SELECT relation.oid, relation.relkind, relation.relname,
        namespace.nspname || '.' || relation.relname AS name
    FROM pg_class AS relation
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE {OURS.format(catalog="pg_class", of="relation")}
)
"""
OBJECTS = f"""
WITH {RELATIONS}, object (kind, text) AS (
    SELECT 'columns', concat_ws(' ', name, attname, format_type(atttypid, atttypmod), attnotnull,
        atthasdef, attidentity, attgenerated)
    FROM pg_attribute JOIN relation ON relation.oid = attrelid
    WHERE relkind IN ('r', 'p', 'v') AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'constraints', concat_ws(' ', name, conname, contype, convalidated, condeferrable)
    FROM pg_constraint JOIN relation ON relation.oid = conrelid
    WHERE contype <> 'n'  -- a catalog entry from version 18 on; the columns say it in all of them
    UNION ALL
    SELECT 'indexes', concat_ws(' ', name, indisunique, indisvalid, indnatts)
    FROM pg_index JOIN relation ON relation.oid = indexrelid
    UNION ALL
    SELECT 'triggers', concat_ws(' ', name, tgname, tgenabled, tgtype, tgfoid::regproc)
    FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT 'functions', concat_ws(' ', namespace.nspname, proname,
        pg_get_function_identity_arguments(routine.oid), md5(prosrc))
    FROM pg_proc AS routine JOIN pg_namespace AS namespace ON namespace.oid = pronamespace
    WHERE {OURS.format(catalog="pg_proc", of="routine")}
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequences' ELSE 'views' END, name
    FROM relation WHERE relkind IN ('S', 'm', 'v')
)
SELECT kind, count(*), md5(string_agg(text, E'\\n' ORDER BY text COLLATE "C"))
FROM object GROUP BY kind ORDER BY kind
"""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Part:
    """A number of things, and a digest that tells them from others."""

    count: int
    digest: str


@dataclass(frozen=True)
class Contents:
    """Every table's rows, and the kinds of objects that aren't rows."""

    tables: Mapping[str, Part]
    objects: Mapping[str, Part]

    @property
    def rows(self) -> int:
        return sum(part.count for part in self.tables.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Contents:
        return cls(
            {name: Part(**part) for name, part in given["tables"].items()},
            {name: Part(**part) for name, part in given["objects"].items()},
        )


def tables_of(connection: Connection[Any]) -> list[tuple[str, str]]:
    """Schema and name of each table that isn't Postgres' own."""
    return connection.execute(TABLES).fetchall()


def contents_of(
    connection: Connection[Any], progress: Progress = lambda done, total: None
) -> Contents:
    """Read every row of every table, in the connection's transaction; a statement a table."""
    with connection.transaction():
        connection.execute(READING)
        tables: dict[str, Part] = {}
        found = tables_of(connection)
        for done, (schema, table) in enumerate(found):
            progress(done, len(found))
            statement = sql.SQL(ROWS).format(table=sql.Identifier(schema, table))
            count, high, low = connection.execute(statement).fetchone() or (0, 0, 0)
            tables[table if schema == "public" else f"{schema}.{table}"] = Part(
                count, f"{int(high) % 2**128:032x}{int(low) % 2**128:032x}"
            )
        progress(len(found), len(found))
        objects = {
            kind: Part(count, digest)
            for kind, count, digest in connection.execute(OBJECTS).fetchall()
        }
    return Contents(tables, objects)


def differences(expected: Contents, found: Contents) -> list[str]:
    """In what a copy differs from what it is a copy of; a line for each, none where they agree."""
    return [
        *_differing("table", expected.tables, found.tables, "rows"),
        *_differing("kind", expected.objects, found.objects, "objects"),
    ]


def _differing(
    what: str, expected: Mapping[str, Part], found: Mapping[str, Part], things: str
) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name}: the {what} is missing ({expected[name].count:,} {things})"
        elif name not in expected:
            yield f"{name}: the {what} wasn't in the backup ({found[name].count:,} {things})"
        elif expected[name].count != found[name].count:
            yield f"{name}: {expected[name].count:,} {things} became {found[name].count:,}"
        elif expected[name].digest != found[name].digest:
            yield f"{name}: {found[name].count:,} {things} as before, but not the same ones"
