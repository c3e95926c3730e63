"""What a PostgreSQL client raises is told in the words of stores, and the server is not quoted."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from remediations.systems.stores.postgres_errors import told
from remediations.systems.stores.store import (
    AllDenied,
    Changed,
    Denied,
    NoAnswer,
    NoSpace,
    NotReachable,
    StoreError,
)

CANARY = "canary"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.DiskFull(CANARY), NoSpace),
        (errors.TooManyConnections(CANARY), NotReachable),
        (errors.ReadOnlySqlTransaction(CANARY), AllDenied),
        (errors.InsufficientPrivilege(CANARY), Denied),
        (errors.InvalidPassword(CANARY), AllDenied),
        (errors.SerializationFailure(CANARY), Changed),
        (errors.AdminShutdown(CANARY), NoAnswer),
        (errors.RaiseException(CANARY), StoreError),
        (psycopg.OperationalError(CANARY), NoAnswer),
    ],
    ids=lambda one: one.__class__.__name__ if isinstance(one, Exception) else one.__name__,
)
def test_a_write(error: psycopg.Error, kind: type[StoreError]) -> None:
    """Whether it may have happened decides."""
    with pytest.raises(StoreError) as caught, told(writes=True):
        raise error
    assert type(caught.value) is kind
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("FATAL: password authentication failed for user", AllDenied),
        ('FATAL: role "worker" is not permitted to log in', AllDenied),
        ("FATAL: no pg_hba.conf entry for host", AllDenied),
        ("FATAL: the database system is starting up", NotReachable),
        ("connection refused", NotReachable),
    ],
)
def test_a_connection(said: str, kind: type[StoreError]) -> None:
    """Nothing was done; who is refused need not wait."""
    with pytest.raises(StoreError) as caught, told(writes=True, connecting=True):
        raise psycopg.OperationalError(said)
    assert type(caught.value) is kind
