"""The branch `end-sessions` of `INC-005`: what was derived from what the key opened is reset."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediations.engine.domain import Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.keys.checks.titles import SESSION_CHECKS
from remediations.playbooks.keys.reencryption_scope import count_of_all, revoked
from remediations.playbooks.keys.sessions_actions import RESET_ITEM
from remediations.playbooks.keys.sessions_gates import ItemsReset
from remediations.playbooks.keys.sessions_scope import (
    ITEMS,
    concerned,
    in_scope,
    is_done,
    named,
    sessions_of,
)
from remediations.playbooks.keys.situation import REASON, KeysSituation
from remediations.render.formats import count_of
from remediations.values.part import Part

GATE_LIMIT_S = 60
"""A step ends when its probe says so: the gate only asks all of them once more."""
_NAMES = re.compile(r"[a-z][a-z0-9-]{0,31}(,[a-z][a-z0-9-]{0,31}){0,49}")


def _fits(keys: KeysSituation) -> str | None:
    if not keys.fingerprint:
        return "nobody says which key is out: --fingerprint"
    if REASON not in keys.inputs:
        return "nobody says why: --reason, which stands in the plan and in its report"
    if keys.sessions is None:
        return "the inventory does not say what to reset: `sessions` (docs/sessions.md)"
    if keys.key is not None and revoked(keys) is None:
        return f"{keys.fingerprint} is not revoked: `--branch revoke-key` comes first"
    names = [one.item.name for one in sessions_of(keys).items]
    if unknown := [one for one in named(keys) if one not in names]:
        return f"no item is called {unknown[0]}: --items with some of {', '.join(names)}"
    if not in_scope(keys):
        those = ", ".join(one.item.name for one in concerned(keys))
        if not those:
            return f"no item of `sessions` concerns {keys.fingerprint}: correct its `keys`"
        return f"all that concern it are done, by their probes: {those}. Nothing is left to call"
    return None


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    items = in_scope(keys)
    names = tuple(one.item.name for one in items)
    return Proposal(
        title=f"reset {', '.join(names)}, since {keys.fingerprint[:12]} is out",
        stages=(
            StageDraft(
                title=f"call what resets {count_of(len(items), 'item')}, all at once",
                why=f"the key is out: {keys.inputs[REASON]}. One that fails stops no other",
                moves=tuple(Move(RESET_ITEM, one.target) for one in items),
                gate=Gate(
                    title="the probe of each item says that it is done",
                    timeout_s=GATE_LIMIT_S,
                    asks=Part.of(ItemsReset(items=names)),
                ),
            ),
        ),
        checks=tuple(PlannedCheck(id=one, title=SESSION_CHECKS[one]) for one in SESSION_CHECKS),
        risk=Risk.MEDIUM,
        worst_case="some are reset and others are not: each says so by its own probe, and planning "
        "again is about what is left",
        warnings=tuple(_warnings(keys)),
    )


def _warnings(keys: KeysSituation) -> Iterator[str]:
    those = in_scope(keys)
    names = ", ".join(one.item.name for one in those)
    yield (
        f"only {names} will be reset. Whatever else was inside what the key opened (passwords, "
        "tokens, keys that no item of `sessions` covers) stays known to whoever has it: list it, "
        "and change it by hand"
    )
    for one in those:
        yield f"{one.item.name}: {one.item.what}"
    for one in sessions_of(keys).items:
        if one in those:
            continue
        name = one.item.name
        if not one.concerns(keys.fingerprint):
            yield f"{name} is left out: it is for other keys"
        elif is_done(keys, one):
            yield f"{name} is left out: it is done already, by its probe"
        else:
            yield f"{name} is left out by --items, and is not known to be done"
    if count := count_of_all(keys):
        yield (
            f"{count} versions in the stores are still sealed to the key (`--branch re-encrypt`): "
            "what is changed now must not be sealed to it again"
        )


def parse_items(text: str) -> str:
    """Names of items, in the one form in which they stand in a plan.

    Raises:
        ValueError: they are none.
    """
    names = [one.strip() for one in text.split(",")]
    found = ",".join(sorted(set(names)))
    if not _NAMES.fullmatch(found):
        raise ValueError("names of items under `sessions.items`, with commas: portal,database")
    return found


def branch(*inputs: Input) -> Branch[KeysSituation]:
    """The branch; it takes the inputs of the playbook, and one of its own."""
    items = Input(
        name=ITEMS,
        metavar="NAMES",
        help="Which items to reset; left out: all that are open.",
        parse=parse_items,
    )
    return Branch(
        name="end-sessions",
        title="reset what was derived from what the key opened",
        condition="the key is revoked, and items of the inventory are not reset",
        fits=_fits,
        propose=_propose,
        inputs=(*inputs, items),
    )
