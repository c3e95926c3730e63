"""Transactions, as the engine is told: what is read of accounts and keys, and what sends."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from remediations.engine.system import DriverKind, LookRequest, RemoteSystem
from remediations.systems.transactions.inventory import KEYS_SECTION
from remediations.systems.transactions.values import KeysReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver
    from remediations.engine.plan.build import StepCompiler
    from remediations.reach.ssh import SshReach


def _compiler() -> AbstractContextManager[StepCompiler]:
    from remediations.systems.transactions.steps import open_compiler

    return open_compiler()


def _driver(reach: SshReach) -> Driver:
    from remediations.systems.transactions.driver import TransactionDriver

    return TransactionDriver(reach)


async def _look(look: LookRequest) -> Sequence[Kinded]:
    from remediations.systems.transactions.look import look_at_keys

    return await look_at_keys(look)


def _unanswered(reading: KeysReading) -> tuple[str, ...]:
    return (reading.height.reason,) if isinstance(reading.height, Unknown) else ()


DRIVER = DriverKind(name="transaction", compiler=_compiler, driver=_driver, fences=None)
"""Without fences: the account's sequence lets the chain include one transaction, whoever sends."""
TRANSACTIONS = RemoteSystem(
    name="transactions",
    kind=KeysReading,
    drivers=(DRIVER,),
    inventory_section=KEYS_SECTION,
    look=_look,
    unanswered=_unanswered,
)
