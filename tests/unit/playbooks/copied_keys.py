"""Worlds in which a key has a second holder, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_
from types import MappingProxyType

from msgspec.structs import replace

from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.actions import HOLD_DUPLICATE
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.double_sign import PLAYBOOK
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import Why
from tests import worlds
from tests.worlds import HEIGHT, duplicated, healthy, stopped
from tests.worlds.keys import signed
from tests.worlds.signing import runs_twice

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
MANY = (50,) * 20 + (5,) * 80
NOT_READ = worlds.unknown("permission denied", Why.REFUSED)
(BRANCH,) = PLAYBOOK.branches
Change = Callable[[CometReading], CometReading]


def chosen(world: CometReading, *only: str, **inputs: str) -> ChainSituation:
    """What there is, with what people chose (`keep="val4"`, `accept_halt="yes"`)."""
    chain = situation_of(world, frozenset(only))
    names = {name.replace("_", "-"): value for name, value in inputs.items()}
    return with_(chain, inputs=MappingProxyType(names))


def judged(chain: ChainSituation) -> dict[tuple[str, str], GuardResult]:
    """All guards, by id and subject."""
    guards = (*DOMAIN.invariants, *BRANCH.invariants)
    results = evaluate_guards(guards, chain, BRANCH.propose(chain))
    return {(one.id, one.subject): one for one in results}


def blocking(chain: ChainSituation) -> set[str]:
    return {one.id for one in judged(chain).values() if one.outcome is not PASS}


def held_by(chain: ChainSituation) -> set[str]:
    """Whom the branch stops and holds."""
    assert BRANCH.fits(chain) is None
    proposal = BRANCH.propose(chain)
    assert {move.action for move in proposal.moves} == {HOLD_DUPLICATE}
    return set(proposal.targets)


def goes_on(chain: ChainSituation) -> tuple[str, str]:
    (key,) = chain.shared_keys
    return key.decision


def a_copy(powers: tuple[int, ...] = worlds.POWERS) -> CometReading:
    """The key of val4 lies on the standby, which never ran."""
    return duplicated(healthy(powers), "val4", "standby1")


def both_run(first: str = "val4", second: str = "full1") -> CometReading:
    return runs_twice(healthy(), first, second)


def unreadable(world: CometReading, host: str) -> CometReading:
    state = worlds.unknown("permission denied", Why.REFUSED)
    return worlds.change(world, host, lambda r: replace(r, sign_state=state))


def both_stopped(runs: str = "") -> CometReading:
    """val4 is stopped, and so is the copy, unless it `runs`."""
    if runs:
        return stopped(runs_twice(healthy(), "val4", runs), "val4")
    return signed(stopped(a_copy(), "val4"), "val4", HEIGHT + 1)
