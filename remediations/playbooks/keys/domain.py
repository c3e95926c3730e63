"""Keys of recipients, as the engine is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remediations.engine.apply.look import Watch
from remediations.engine.domain import Domain
from remediations.engine.plan.plan import Plan
from remediations.playbooks.keys import compromise, grant, key_file_actions, rotate
from remediations.playbooks.keys.actions import REGISTER, REVOKE, keys_facts, levels
from remediations.playbooks.keys.finding import NAME, conclude
from remediations.playbooks.keys.gates import (
    HOST_DRIVER,
    KeysBefore,
    KeysLook,
    KeyStands,
    baseline,
)
from remediations.playbooks.keys.guards import INVARIANTS
from remediations.playbooks.keys.key_file_gates import (
    FormerKeyGone,
    ReadersBefore,
    ReaderServes,
)
from remediations.playbooks.keys.key_file_guards import READER_INVARIANTS
from remediations.playbooks.keys.reencryption_actions import PROVE_STORE, RESEAL_STORE
from remediations.playbooks.keys.reencryption_gates import JobsEnded, StoresBefore
from remediations.playbooks.keys.reencryption_guards import (
    nothing_is_undeclared,
    what_is_locked_is_accepted,
)
from remediations.playbooks.keys.sessions_actions import RESET_ITEM
from remediations.playbooks.keys.sessions_gates import ItemsReset, SessionsBefore
from remediations.playbooks.keys.situation import KeysSituation, has_keys, situation
from remediations.reach.connection import Reach
from remediations.systems.sessions.steps import DRIVER_NAME as SESSIONS_DRIVER
from remediations.systems.stores.job_steps import DRIVER_NAME as JOB_DRIVER
from remediations.values.part import Part

if TYPE_CHECKING:  # it needs SSH, which takes a quarter of a second to load
    from remediations.engine.doctor.examination import Doctor


def watch(plan: Plan, reach: Reach) -> Watch:
    """Looks at the accounts of the inventory and at the owner of the key, or at the jobs, the items
    or the readers of the plan."""
    if any(step.driver == JOB_DRIVER for step in plan.steps):
        from remediations.playbooks.keys.reencryption_watch import watch_jobs

        return watch_jobs(plan, reach)
    if any(step.driver == SESSIONS_DRIVER for step in plan.steps):
        from remediations.playbooks.keys.sessions_watch import watch_items

        return watch_items(plan)
    if any(step.driver == HOST_DRIVER for step in plan.steps):
        from remediations.playbooks.keys.key_file_watch import watch_readers

        return watch_readers(plan, reach)
    # Imported here: who reads a saved observation asks nobody.
    from remediations.systems.transactions.inventory import keys_of
    from remediations.systems.transactions.look import read_now
    from remediations.values.inventory import Inventory

    inventory = getattr(reach, "inventory", None)
    assert isinstance(inventory, Inventory), "connections know their inventory"
    entry, owner = keys_of(inventory), plan.part(KeysBefore).owner

    async def look() -> KeysLook:
        return KeysLook(now=await read_now(entry, owner))

    return look


def _doctor() -> Doctor:
    from remediations.playbooks.keys.doctor import DOCTOR

    return DOCTOR


def _resources(keys: KeysSituation) -> tuple[str, ...]:
    """The account whose sequence is used, and the key."""
    signer, chain = keys.signer, keys.reading.section.chain_id
    if signer is None:
        return (f"keys/{chain}",)
    return (f"account/{chain}/{signer.entry.address}", f"key/{keys.fingerprint}")


DOMAIN = Domain(
    name=NAME,
    title="keys of recipients that are out",
    concerns=has_keys,
    situation=situation,
    finding=conclude,
    detail=lambda keys: Part.of(keys.reading),
    facts=keys_facts,
    invariants=(
        *INVARIANTS,
        nothing_is_undeclared,
        what_is_locked_is_accepted,
        *READER_INVARIANTS,
    ),
    levels=levels,
    baseline=baseline,
    resources=_resources,
    actions=(
        REGISTER,
        REVOKE,
        *grant.ACTIONS,
        rotate.ROTATE_ACTION,
        *key_file_actions.ACTIONS,
        PROVE_STORE,
        RESEAL_STORE,
        RESET_ITEM,
    ),
    playbooks=(compromise.PLAYBOOK,),
    watch=watch,
    checks="remediations.playbooks.keys.checks",
    rules="remediations.playbooks.keys.rules",
    alerts="remediations.playbooks.keys",
    kinds=(
        KeyStands,
        KeysBefore,
        JobsEnded,
        StoresBefore,
        ItemsReset,
        SessionsBefore,
        ReaderServes,
        FormerKeyGone,
        ReadersBefore,
    ),
    doctor=_doctor,
    with_inputs=lambda keys, inputs: replace(keys, inputs=inputs),
)
