"""What the checks are given: the accounts and their keys, read afresh."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from remediations.engine.apply.look import Sight
from remediations.engine.verify.fixtures import (
    given,
    pytest_addoption,
    pytest_configure,
    saw,
    seen,
    wait,
)
from remediations.engine.verify.given import Given
from remediations.playbooks.keys.gates import KeysBefore, KeysLook
from remediations.systems.transactions.inventory import KeysEntry, keys_of
from remediations.systems.transactions.look import read_now
from remediations.systems.transactions.values import AccountsNow

__all__ = ["given", "pytest_addoption", "pytest_configure", "saw", "seen", "wait"]

Read = Callable[[], AccountsNow]


@pytest.fixture(scope="session")
def before(given: Given) -> KeysBefore:
    """How the keys were."""
    return given.plan.part(KeysBefore)


@pytest.fixture(scope="session")
def entry(given: Given) -> KeysEntry:
    """The section of the inventory."""
    return keys_of(given.inventory)


@pytest.fixture(scope="session")
def read(entry: KeysEntry, before: KeysBefore, seen: Callable[[Callable[[], Sight]], None]) -> Read:
    """Read them again. The report shows each look, too."""

    def now() -> AccountsNow:
        found = asyncio.run(read_now(entry, before.owner))
        seen(lambda: KeysLook(now=found).sight)
        return found

    return now
