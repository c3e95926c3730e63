"""What a PostgreSQL client raises, in the words of stores. Nothing of an answer is quoted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from remediations.systems.stores.store import (
    Absent,
    AllDenied,
    Changed,
    Denied,
    NoAnswer,
    NoSpace,
    NotReachable,
    StoreError,
)

_BY_CLASS: dict[str, tuple[type[StoreError], str]] = {
    "22": (Absent, "the key is none of this table's type"),
    "28": (AllDenied, "the server refuses these credentials"),
    "40": (Changed, "another writer was first"),
    "53": (NotReachable, "the server has too little memory, or too many connections"),
    "3D": (NotReachable, "there is no such database"),
}
_BY_STATE: dict[str, tuple[type[StoreError], str]] = {
    "25006": (AllDenied, "the server is read-only: a replica, or set so"),
    "42501": (Denied, "the user does not have the right"),
    "42703": (NotReachable, "there is no such column"),
    "42P01": (NotReachable, "there is no such table"),
    "53100": (NoSpace, "the disk of the server is full"),
    "55P03": (Changed, "another writer holds the row"),
    "57014": (NotReachable, "it took longer than the time limit, and was rolled back"),
}


_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "is not permitted to log in",
    "no pg_hba.conf entry",
    "permission denied for database",
)
"""What servers say before they have a code for it."""


@contextmanager
def told(
    *, writes: bool = False, connecting: bool = False, close: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """The errors of psycopg, as ours. `close` is called where the connection is of no use any more.
    A write whose commit was not confirmed may have happened."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if found := _BY_STATE.get(state) or _BY_CLASS.get(state[:2]):
            raise found[0](found[1]) from None
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            close()
            if writes and not connecting:
                raise NoAnswer("the connection was lost: it may be committed, or not") from None
            raise _unreached(str(error)) from None
        raise StoreError(f"the server refuses it with {state or 'no reason'}") from None


def _unreached(message: str) -> StoreError:
    """Why there is no connection: libpq has no code for what happens before a server answers."""
    if any(text in message for text in _REFUSALS):
        return AllDenied("the server refuses these credentials")
    if "database" in message and "does not exist" in message:
        return NotReachable("there is no such database")
    if "certificate" in message or "SSL" in message:
        return NotReachable("the server does not prove by TLS that it is the one")
    return NotReachable("no connection to the server")
