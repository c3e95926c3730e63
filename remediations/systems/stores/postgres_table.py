"""What the catalog says of a table, and the statements that read and update it.

A value may be text, JSON or bytes. `jsonb` gives back other bytes than were written (its own order,
its own blanks): what is in it is the same, and its SHA-256 is that of what is given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remediations.systems.stores.store import NotReachable, StoreError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

    from remediations.systems.stores.postgres import Table

TYPES = ("text", "character varying", "json", "jsonb", "bytea")

_CATALOG = """
SELECT c.relkind::text, c.relhasrules, format_type(k.atttypid, k.atttypmod),
       format_type(v.atttypid, NULL), row_security_active(c.oid),
       has_table_privilege(c.oid, 'SELECT'), has_column_privilege(c.oid, v.attnum, 'UPDATE'),
       pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean,
       EXISTS (SELECT FROM pg_index i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
                 AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = k.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute k ON k.attrelid = c.oid AND k.attname = %(key)s AND NOT k.attisdropped
JOIN pg_attribute v ON v.attrelid = c.oid AND v.attname = %(value)s AND NOT v.attisdropped
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
"""

DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
COLUMNS = """
SELECT n.nspname || '.' || c.relname, a.attname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND format_type(a.atttypid, NULL) = ANY(%s)
ORDER BY 1, 2 LIMIT 1000
"""
"""What is beside a table: names that the catalog shows to everybody."""


@dataclass(frozen=True, kw_only=True)
class ValueForm:
    """The statements for one table, and what stands in the way of using them."""

    kind: str
    listing: Composed
    reading: Composed
    replacing: Composed
    any_key: Composed
    lacks: tuple[str, ...]
    is_writable: bool
    shows_all: bool

    @property
    def is_reordered(self) -> bool:
        """Whether what is read is not what was written."""
        return self.kind == "jsonb"

    def given(self, data: bytes) -> bytes | str:
        """Bytes as the column takes them.

        Raises:
            StoreError: it takes text only, and they are none.
        """
        if self.kind == "bytea":
            return data
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise StoreError("the column takes text, and this is none") from None
        if "\0" in text:
            raise StoreError("the column takes text without NUL")
        return text


def form_of(connection: Connection[tuple[Any, ...]], at: Table) -> ValueForm:
    """Ask the catalog.

    Raises:
        NotReachable: there is no such table with these columns, or of another type.
    """
    named = {
        "schema": at.schema, "table": at.table, "key": at.key_column, "value": at.value_column,
    }  # fmt: skip
    row = connection.execute(_CATALOG, named).fetchone()
    if row is None:
        raise NotReachable("there is no such table with these columns")
    relkind, rules, key_type, kind, filtered, selects, updates, replica, read_only, unique = row
    if relkind not in ("r", "p"):
        raise NotReachable("it is a view or something else, and not a table")
    if kind not in TYPES:
        raise NotReachable(f"its type is {kind}, and none of {', '.join(TYPES)}")
    hindrances = {
        "the user may not read the table": not selects,
        "the user may not update the column": not updates,
        "the server is a replica": replica,
        "the database is read-only": read_only,
        "its key column has no unique index: one key may stand for several rows": not unique,
        "the table has rules, which may do something else than an update says": rules,
    }
    lacks = [sentence for sentence, holds in hindrances.items() if holds]
    is_writable = not lacks
    if filtered:
        lacks.append("row-level security hides rows from the user without a word")
    statements = _statements(at, key_type, kind)
    return ValueForm(
        kind=kind, lacks=tuple(lacks), is_writable=is_writable, shows_all=not filtered, **statements
    )


def _statements(at: Table, key_type: str, kind: str) -> dict[str, Composed]:
    from psycopg import sql

    key, value = sql.Identifier(at.key_column), sql.Identifier(at.value_column)
    as_bytes = value if kind == "bytea" else sql.SQL("convert_to({}::text, 'UTF8')").format(value)
    parts = {
        "key": key,
        "value": value,
        "bytes": as_bytes,
        "table": sql.Identifier(at.schema, at.table),
        # Both are the catalog's own words, and no text of an operator.
        "key_type": sql.SQL(key_type),
        "kind": sql.SQL(kind),
    }

    def of(text: str) -> Composed:
        return sql.SQL(text).format(**parts)

    return {
        "listing": of(
            "SELECT {key}::text, encode(sha256({bytes}), 'hex'), octet_length({bytes})"
            " FROM {table} WHERE {value} IS NOT NULL"
        ),
        "reading": of(
            "SELECT CASE WHEN octet_length({bytes}) <= %(most)s THEN {bytes} END,"
            " octet_length({bytes}) FROM {table}"
            " WHERE {key} = %(key)s::{key_type} AND {value} IS NOT NULL LIMIT 2"
        ),
        "replacing": of(
            "UPDATE {table} SET {value} = %(new)s::{kind}"
            " WHERE {key} = %(key)s::{key_type} AND {bytes} = %(former)s RETURNING {bytes}"
        ),
        "any_key": of("SELECT {key}::text FROM {table} WHERE {value} IS NOT NULL LIMIT 1"),
    }
