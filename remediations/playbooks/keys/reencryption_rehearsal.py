"""Sealing anew, tried on a sample of each store: `remediate plan … --rehearse`. Writes nothing."""

from __future__ import annotations

import asyncio

from remediations.engine.domain import Proposal
from remediations.engine.plan.rehearsal import Rehearsed, RehearsedTarget
from remediations.playbooks.keys.reencryption_scope import recipient, reencrypt_of, store_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.reach.background import run_in_thread
from remediations.reach.connection import Reach
from remediations.render.formats import count_of
from remediations.values.inventory import Inventory


async def rehearse(
    keys: KeysSituation, proposal: Proposal[KeysSituation], reach: Reach
) -> Rehearsed:
    """Try a sample of every store of the proposal, at the same time."""
    inventory = getattr(reach, "inventory", None)
    assert isinstance(inventory, Inventory), "connections know their inventory"
    tried = await asyncio.gather(
        *(run_in_thread(_try, keys, inventory, target) for target in proposal.targets)
    )
    passed = all(one.tried for one in tried)
    failed = "; ".join(f"{one.target}: {one.says}" for one in tried if not one.tried)
    stores = count_of(len(tried), "store")
    return Rehearsed(
        passed=passed,
        says=f"a sample of {stores} opens and can be sealed anew; nothing was written"
        if passed
        else f"not all of a sample of {stores} can be sealed anew; nothing was written; {failed}",
        targets=tuple(tried),
        next_step=""
        if passed
        else "restore what is damaged, find the key that opens it, or accept it by "
        "`accept_damaged` (docs/reencrypt.md#the-inventory)",
    )


def _try(keys: KeysSituation, inventory: Inventory, target: str) -> RehearsedTarget:
    # Imported here: who plans without it opens no boxes.
    from remediations.systems.stores.inventory import stores_of
    from remediations.systems.stores.private_key import find_private_key
    from remediations.systems.stores.sample import try_sample
    from remediations.systems.stores.store import StoreError

    entry, new, said = stores_of(inventory), recipient(keys), reencrypt_of(keys)
    place, ours = entry.place(store_of(keys, target).store), entry.reencrypt
    if place is None or ours is None or said is None or said.here != said.machine:
        return RehearsedTarget(target=target, tried=False, says="this machine does not do it")
    files = ours.private_keys
    old_key = find_private_key(files, keys.fingerprint)
    new_key = None if new is None else find_private_key(files, new.fingerprint)
    if old_key is None or new_key is None:
        says = "the private halves of both keys are not here"
        return RehearsedTarget(target=target, tried=False, says=says)
    try:
        found = try_sample(place, ours, old_key[1], new_key[1])
    except StoreError as error:
        return RehearsedTarget(target=target, tried=False, says=str(error))
    good = found.good > 0 and len(found.bad) <= place.rules.accept_damaged
    return RehearsedTarget(target=target, tried=good, says=found.says)
