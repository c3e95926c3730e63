"""A column of a PostgreSQL table as a store: one row is one object.

Compare-and-swap is an UPDATE that names the bytes that were read: a writer who commits first makes
it touch no row. A row has one version, its content, so there is nothing to retire. What a table
forgets is in its dead rows until VACUUM, and in write-ahead logs, replicas and backups: those are
other stores, and are in scope only where they are declared.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remediations.systems.stores.postgres_errors import told
from remediations.systems.stores.postgres_table import (
    COLUMNS,
    DATABASES,
    TYPES,
    ValueForm,
    form_of,
)
from remediations.systems.stores.store import (
    MAX_OBJECT,
    MAX_VERSIONS,
    Abilities,
    Absent,
    Changed,
    LiveVersion,
    Malformed,
    Stored,
    StoreError,
    TooLarge,
    Version,
)
from remediations.values.secret import Secret

if TYPE_CHECKING:
    from psycopg import Connection

_CONNECT_S = 5
_ANSWER_S = 45.0
"""Longer than a statement may take there: who is silent then will not answer."""
_OPTIONS = (
    "-c search_path=pg_catalog -c statement_timeout=30s -c lock_timeout=5s "
    "-c idle_in_transaction_session_timeout=60s -c client_encoding=UTF8"
)
_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Table:
    """Where it is, and who asks. `sslmode` is libpq's; only `verify-full` proves who answers,
    by who is in `ca_file`, or by the authorities of the system."""

    host: str
    port: int
    database: str
    user: str
    password: Secret
    schema: str
    table: str
    key_column: str
    value_column: str
    sslmode: str = "verify-full"
    ca_file: str | None = None


class PostgresStore:
    """The rows of a table in which the column is not null. Keys are those of the key column, as
    text."""

    def __init__(self, name: str, table: Table, *, limit: int = MAX_OBJECT) -> None:
        self._name = name
        self._at = table
        self._limit = limit
        self._connection: Connection[tuple[Any, ...]] | None = None
        self._form: ValueForm | None = None

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self._name

    def close(self) -> None:
        """End the connection; the next call opens another."""
        if self._connection is not None:
            with suppress(Exception):  # it may be broken, which is why it is closed
                self._connection.close()
        self._connection = None

    def versions(self) -> Iterator[Version]:
        """All rows, as they are at one moment."""
        with self._transaction() as (connection, form), connection.cursor("versions") as cursor:
            cursor.itersize = _PAGE
            cursor.execute(form.listing)
            for count, (key, sha256, size) in enumerate(cursor, 1):
                if count > MAX_VERSIONS:
                    raise TooLarge(f"more than {MAX_VERSIONS} rows")
                if key is None:
                    raise Malformed("a row without a key")
                yield Version(key=key, version=sha256, is_live=True, size=size)

    def databases(self) -> tuple[str, ...]:
        """The names of all databases of the server."""
        with self._transaction() as (connection, _):
            return tuple(name for (name,) in connection.execute(DATABASES))

    def columns(self) -> tuple[tuple[str, str], ...]:
        """Tables and columns of the database that could have envelopes, a thousand at most."""
        with self._transaction() as (connection, _):
            return tuple(connection.execute(COLUMNS, (list(TYPES),)))

    def live(self, key: str) -> Stored:
        """The row as it is."""
        with self._transaction() as (connection, form):
            row = connection.execute(form.reading, {"key": key, "most": self._limit}).fetchall()
        if not row:
            raise Absent("there is no row with this key")
        if len(row) > 1:
            raise Malformed("several rows with one key")
        data, size = row[0]
        if data is None:
            raise TooLarge(f"a value of {size} bytes, more than {self._limit}")
        return _stored(key, bytes(data))

    def read(self, key: str, version: str) -> Stored:
        """The row, if it is that version still."""
        found = self.live(key)
        if found.version != version:
            raise Absent("the row has another version")
        return found

    def replace(self, former: Stored, data: bytes) -> str:
        """Update the row that still has the bytes that were read."""
        with self._transaction(writes=True) as (connection, form):
            given = {"key": former.key, "former": former.data, "new": form.given(data)}
            rows = connection.execute(form.replacing, given).fetchall()
            if not rows:
                raise Changed("the row is not the one that was read")
            if len(rows) > 1:
                raise Malformed("several rows with one key: none was changed")
            written = bytes(rows[0][0])
            if not form.is_reordered and written != data:
                raise Malformed("the table changes what is written: nothing was changed")
        return _stored(former.key, written).version

    def retire(self, key: str, version: str) -> None:
        """Nothing: a former version went with the update that replaced it."""
        with suppress(Absent):
            if self.live(key).version == version:
                raise LiveVersion("it is what readers read")

    def probe(self) -> Abilities:
        """What the catalog says, and an update under a wrong condition, which is rolled back."""
        lacks: list[str] = []
        writable = refuses = shows_all = False
        try:
            with self._transaction() as (connection, form):
                lacks += form.lacks
                writable, shows_all = form.is_writable, form.shows_all
                key = connection.execute(form.any_key).fetchone()
            if writable:
                former = Stored(key=str(key[0]) if key else "", version="", token="", data=b"\0")
                refuses = self._refuses(former)
        except StoreError as error:
            lacks.append(f"the table cannot be read and updated: {error}")
        return Abilities(
            store=self._name,
            writable=writable,
            refuses_wrong_existing=refuses,
            refuses_wrong_absent=refuses,
            keeps_versions=False,
            shows_all=shows_all,
            lacks=tuple(lacks),
        )

    def _refuses(self, former: Stored) -> bool:
        try:
            self.replace(former, b"{}")
        except (Changed, Absent):
            return True
        return False

    @contextmanager
    def _transaction(
        self, *, writes: bool = False
    ) -> Iterator[tuple[Connection[tuple[Any, ...]], ValueForm]]:
        """One transaction: committed at the end, rolled back where something is raised."""
        with told(writes=writes, close=self.close):
            if self._connection is None or self._connection.closed:
                self._connection = self._connected()
                self._form = None
            connection = self._connection
            with connection.transaction():
                # A listing of one moment; an update sees what was committed before it.
                if not writes:
                    connection.execute(_MOMENT)
                if self._form is None:
                    self._form = form_of(connection, self._at)
                yield connection, self._form

    def _root_certificates(self) -> str | None:
        if self._at.sslmode != "verify-full":
            return None
        return self._at.ca_file or "system"

    def _connected(self) -> Connection[tuple[Any, ...]]:
        with told(connecting=True):
            return _bounded_connection().connect(
                host=self._at.host,
                port=self._at.port,
                dbname=self._at.database,
                user=self._at.user,
                password=self._at.password.reveal().decode(),
                sslmode=self._at.sslmode,
                sslrootcert=self._root_certificates(),
                passfile="/dev/null",
                application_name="remediate",
                connect_timeout=_CONNECT_S,
                options=_OPTIONS,
                autocommit=True,
            )


def _bounded_connection() -> type[Connection[tuple[Any, ...]]]:
    """Connections that wait for each answer no longer than `_ANSWER_S`. Otherwise a server behind a
    wire that is cut without a word is waited for until the kernel gives up, or for ever."""
    import psycopg

    class Bounded(psycopg.Connection[tuple[Any, ...]]):
        def wait(self, gen: Any, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - psycopg's
            return super().wait(self._until(gen, time.monotonic() + _ANSWER_S), *given, **named)

        def _until(self, gen: Any, end: float) -> Any:  # noqa: ANN401
            """What `gen` asks for, step by step. It is told 0 when nothing came for a while."""
            ready = None
            try:
                while True:
                    ready = yield gen.send(ready)
                    if not ready and time.monotonic() > end:
                        self.close()
                        raise psycopg.OperationalError("no answer in time")
            except StopIteration as done:
                return done.value

    return Bounded


_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def _stored(key: str, data: bytes) -> Stored:
    sha256 = hashlib.sha256(data).hexdigest()
    return Stored(key=key, version=sha256, token=sha256, data=data)
