"""Whether anything is left under the key that is out, by going through every store again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remediations.engine.plan.plan import plan_digest
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.errors import RemediationError
from remediations.playbooks.keys.checks.titles import STORE_CHECKS
from remediations.playbooks.keys.reencryption_gates import StoreBefore, StoresBefore, why_left
from remediations.systems.stores.aftermath import Aftermath, look_after, read_ledger
from remediations.systems.stores.inventory import stores_of
from remediations.systems.stores.job_directory import jobs_in
from remediations.systems.stores.job_steps import DRIVER_NAME, RESEAL, JobOrder
from remediations.systems.stores.private_key import find_private_key
from remediations.systems.stores.store import StoreError

Saw = Callable[[str], None]
Found = list[tuple[StoreBefore, Aftermath]]


@pytest.fixture(scope="session")
def found(given: Given) -> Found:
    """Each store of the plan, gone through now."""
    before, entry = given.plan.part(StoresBefore), stores_of(given.inventory)
    if entry.reencrypt is None:
        raise NotVerified("the inventory does not say who seals anew: `stores.reencrypt`")
    keys = entry.reencrypt.private_keys
    new = find_private_key(keys, before.recipient)
    if new is None:
        raise NotVerified(f"no file has the private key {before.recipient}")
    old = find_private_key(keys, before.fingerprint)
    ledgers = dict(_ledgers(given, Path(entry.reencrypt.directory)))
    rows = []
    for store in before.stores:
        place = entry.place(store.store)
        if place is None:
            raise NotVerified(f"the inventory has no store {store.store} any more")
        try:
            ledger = ledgers.get(store.store)
            tags = {} if ledger is None else read_ledger(ledger)
            after = look_after(
                place, before.fingerprint, new[1], None if old is None else old[1], tags
            )
        except (StoreError, RemediationError, OSError, ValueError) as error:
            raise NotVerified(f"{store.store}: {error}") from error
        rows.append((store, after))
    return rows


def _ledgers(given: Given, directory: Path) -> Iterator[tuple[str, Path]]:
    jobs, digest = jobs_in(directory), plan_digest(given.plan)
    for step in given.plan.steps:
        if step.driver == DRIVER_NAME:
            order = JobOrder.parse(step.payload)
            if order.deploy == RESEAL:
                yield order.store, jobs.named(digest, step.id).path / "objects.jsonl"


@pytest.mark.check("RP7", STORE_CHECKS["RP7"])
def test_none_is_left(found: Found, saw: Saw) -> None:
    """Every version that the store shows, former ones too."""
    for store, after in found:
        saw(f"{store.store}: {after.versions:,} versions, {after.name_old} name the old key")
        assert not (why := why_left(store, after)), why


@pytest.mark.check("RP8", STORE_CHECKS["RP8"])
def test_the_new_key_opens(found: Found, saw: Saw) -> None:
    """The bytes are tried, not their list of recipients."""
    for store, after in found:
        saw(f"{store.store}: {after.opened:,} opened by the new key")
        assert after.opened or not after.written, f"{store.store}: nothing is sealed to the new key"
        assert not after.closed, f"{store.store}: {after.closed} are not: {', '.join(after.names)}"
        assert not after.opened_by_old, f"{store.store}: the old key opens {after.opened_by_old}"
        assert not after.open_to_all, f"{store.store}: anybody opens {after.open_to_all}"


@pytest.mark.check("RP9", STORE_CHECKS["RP9"])
def test_the_content_is_the_same(found: Found, saw: Saw) -> None:
    """By the tag of what the job found under the old key."""
    for store, after in found:
        saw(f"{store.store}: {after.same:,} the same, {after.later:,} written by others since")
        names = ", ".join(after.names)
        assert not after.changed, f"{store.store}: {after.changed} have another content: {names}"
        assert after.same + after.later == after.written
