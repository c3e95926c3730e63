"""The branch `re-encrypt` of `INC-005`: what was sealed to the key that is out is sealed anew."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.keys.checks.titles import STORE_CHECKS
from remediations.playbooks.keys.reencryption_actions import PROVE_STORE, RESEAL_STORE
from remediations.playbooks.keys.reencryption_gates import JobsEnded
from remediations.playbooks.keys.reencryption_rehearsal import rehearse
from remediations.playbooks.keys.reencryption_scope import (
    count_of_all,
    in_scope,
    known_since,
    locked,
    named_in,
    recipient,
    reencrypt_of,
    revoked,
    stores_of,
    survey_of,
)
from remediations.playbooks.keys.sessions_scope import concerned
from remediations.playbooks.keys.situation import REASON, KeysSituation
from remediations.playbooks.keys.store_tables import undeclared
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.job_steps import PROVE_LIMIT_S
from remediations.values.part import Part

GATE_LIMIT_S = 60
"""A job has ended with its step: the gate only reads what it has written."""


def _fits(keys: KeysSituation) -> str | None:
    if not keys.fingerprint:
        return "nobody says which key is out: --fingerprint"
    if REASON not in keys.inputs:
        return "nobody says why: --reason, which stands in the plan and in its report"
    if keys.stores is None:
        return "the inventory has no `stores` (docs/stores.md)"
    if reencrypt_of(keys) is None:
        return "the inventory does not say who seals anew: `stores.reencrypt` (docs/reencrypt.md)"
    if keys.key is not None and revoked(keys) is None:
        return f"{keys.fingerprint} is not revoked: `--branch revoke-key` comes first"
    if not in_scope(keys) and (those := locked(keys)):
        names = ", ".join(one.store for one in those)
        return (
            f"what is left is in {names}, where nothing can be sealed anew from here: its owners "
            "upload it anew under another key (docs/reencrypt.md#a-chains-own-state)"
        )
    if not in_scope(keys):
        names = ", ".join(one.store for one in stores_of(keys).stores)
        return (
            f"nothing in {names} is sealed to {keys.fingerprint}: nothing is left to do there. "
            "Compare its digits, and whether all stores are declared, before you believe it"
        )
    return None


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    stores = in_scope(keys)
    names = tuple(one.store for one in stores)
    new = recipient(keys)
    short = "the new key" if new is None else new.fingerprint[:12]
    return Proposal(
        title=f"seal {count_of_all(keys)} versions anew, from {keys.fingerprint[:12]} to {short}",
        stages=(
            StageDraft(
                title=f"prove that {short} opens, and that {len(stores)} store(s) can be written",
                why="a key that cannot be read back from where it is stored seals everything away",
                moves=tuple(Move(PROVE_STORE, one.target) for one in stores),
                gate=Gate(
                    title="the canary is opened, and wrong conditions are refused",
                    timeout_s=PROVE_LIMIT_S,
                    asks=Part.of(JobsEnded(stores=names, seals=False)),
                ),
            ),
            StageDraft(
                title=f"seal anew in {', '.join(names)}",
                why=f"the key is out: {keys.inputs[REASON]}",
                moves=tuple(Move(RESEAL_STORE, one.target) for one in stores),
                gate=Gate(
                    title="no version names the old key, except those that were accepted",
                    timeout_s=GATE_LIMIT_S,
                    asks=Part.of(JobsEnded(stores=names, seals=True)),
                ),
            ),
        ),
        checks=tuple(PlannedCheck(id=one, title=STORE_CHECKS[one]) for one in STORE_CHECKS),
        risk=Risk.HIGH,
        worst_case="some are sealed anew and the others as before: each is whole and is read by "
        "one of the two keys, and planning again goes on from there",
        warnings=tuple(_warnings(keys)),
    )


def _warnings(keys: KeysSituation) -> Iterator[str]:
    yield (
        f"what was sealed to {keys.fingerprint[:12]} must be taken as known since "
        f"{known_since(keys)}, whatever is done here: change what was inside (passwords, tokens), "
        f"end sessions{_ended_by(keys)}, tell those whose data it is"
    )
    yield (
        "whoever reads these objects needs the new key before the first one is written: readers "
        "that have only the old one fail from then on"
    )
    yield from undeclared(keys)
    for store in locked(keys):
        named = named_in(keys, store)
        yield (
            f"{store.store}: {named.count if named else 0} envelopes stay under the old key. Their "
            "owners can upload them anew; former blocks keep the old ones for ever"
        )
    new, ours = recipient(keys), reencrypt_of(keys)
    file = None if new is None or ours is None else ours.key(new.fingerprint)
    if file is not None and file.backup is None:
        yield f"no backup of the new key is named: if {file.file} goes, all of it goes"
    for store in in_scope(keys):
        named, survey = named_in(keys, store), survey_of(store)
        if named is None or survey is None:
            continue
        if named.former and store.rules.former_versions is FormerVersions.RETIRE:
            yield f"{store.store}: {named.former} former versions are removed for ever"
        if named.former and store.rules.former_versions is FormerVersions.KEEP:
            yield f"{store.store}: {named.former} former versions stay, and the old key opens them"
        if bad := survey.damaged + survey.unread:
            yield f"{store.store}: {bad} objects that no key opens are accepted as they are"


def _ended_by(keys: KeysSituation) -> str:
    """What does that where items are declared, for the middle of a sentence."""
    names = ", ".join(one.item.name for one in concerned(keys))
    return f" (`--branch end-sessions` afterwards, for {names} alone)" if names else ""


def branch(*inputs: Input) -> Branch[KeysSituation]:
    """The branch, with the inputs that the playbook gives it."""
    return Branch(
        name="re-encrypt",
        title="seal anew what was sealed to the key that is out",
        condition="the key is revoked, and stores of the inventory have what is sealed to it",
        fits=_fits,
        propose=_propose,
        inputs=inputs,
        rehearse=rehearse,
    )
