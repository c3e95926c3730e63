"""Guards on sealing anew what is sealed to a key that is out (ids: rules/guards.md here)."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.keys.reencryption_scope import (
    active_keys,
    named_in,
    recipient,
    reencrypt_of,
    revoked,
    store_of,
    stores_of,
    survey_of,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.inventory import FormerVersions, Holds
from remediations.systems.stores.reading import KeyFileReading
from remediations.systems.stores.reencrypt_section import Several
from remediations.values.reading import Unknown

NOT_SAID = "the inventory has no `stores.reencrypt`"
STORE_TARGET = "store/"
SEE = "docs/reencrypt.md"


def key_is_revoked(keys: KeysSituation, target: str) -> GuardResult:
    """R16: nobody can seal anything new to the key. Else the work never ends."""
    found = revoked(keys)
    unread = keys.key is None and isinstance(keys.reading.events, Unknown)
    return guard_result(
        "R16",
        "the key that is out is revoked",
        subject=target,
        holds=None if found is None and unread else found is not None,
        got="neither its record nor events were read"
        if found is None and unread
        else "it is not revoked"
        if found is None
        else f"revoked, by {found.by}",
        expected="a record, or an event, that says so",
        next_step="`remediate plan INC-005 --branch revoke-key …` first",
        facts=("key.fingerprint", "key.revoked"),
    )


def new_key_is_active(keys: KeysSituation, target: str) -> GuardResult:
    """R17: the key in its place is registered by the same owner, and is active."""
    found, those = recipient(keys), active_keys(keys)
    names = ", ".join(one.fingerprint for one in those) or "none"
    return guard_result(
        "R17",
        "the key in its place is active, and of the same owner",
        subject=target,
        holds=found is not None,
        got=f"{keys.new_fingerprint or 'none named'}; active of this owner: {names}",
        expected="one that the chain has as active: not revoked, rotated or expired",
        next_step="register it (`--branch revoke-key --new-key …`), or name one: --new-key",
        facts=("key.recipient",),
    )


def machine_is_named(keys: KeysSituation, target: str) -> GuardResult:
    """R18: this is the machine where the inventory wants it done: private keys are opened here."""
    found = reencrypt_of(keys)
    return guard_result(
        "R18",
        "this machine is the one that the inventory names for it",
        subject=target,
        holds=False if found is None else found.here == found.machine,
        got=NOT_SAID if found is None else found.here,
        expected="stores.reencrypt.machine" if found is None else found.machine,
        next_step=f"plan and apply on that machine, or name this one ({SEE})",
        facts=("reencrypt.machine", "reencrypt.here"),
    )


def both_keys_are_here(keys: KeysSituation, target: str) -> GuardResult:
    """R19: the private halves of both keys were read, and are of these keys."""
    found, new = reencrypt_of(keys), recipient(keys)
    wanted = [("old", keys.fingerprint), ("new", "" if new is None else new.fingerprint)]
    lacks = [
        f"no file has the {name} key {fingerprint or '(not known)'}"
        for name, fingerprint in wanted
        if found is None or found.key(fingerprint) is None
    ]
    unread = () if found is None else tuple(_unread(one) for one in found.keys)
    told = "; ".join([*lacks, *(one for one in unread if one)])
    return guard_result(
        "R19",
        "the private halves of both keys are here",
        subject=target,
        holds=None if lacks and any(unread) else not lacks,
        got=told or f"{len(found.keys) if found else 0} files, both keys are among them",
        expected="files that only you can read, each with its key",
        next_step=f"name them under `stores.reencrypt.private_keys` ({SEE})",
        facts=("key.fingerprint", "key.recipient"),
    )


def _unread(file: KeyFileReading) -> str:
    unread = file.fingerprint
    return f"{file.name}: {unread.reason}" if isinstance(unread, Unknown) else ""


def store_is_known(keys: KeysSituation, target: str) -> GuardResult:
    """R20: the store was gone through to its end, and what is damaged there was accepted."""
    store = store_of(keys, target)
    survey, most = survey_of(store), store.rules.accept_damaged
    bad = None if survey is None else survey.damaged + survey.unread
    unread = store.survey
    return guard_result(
        "R20",
        "the store was gone through, and what cannot be read is accepted",
        subject=target,
        holds=None if bad is None else bad <= most,
        got=unread.reason
        if isinstance(unread, Unknown)
        else f"{survey.damaged} damaged, {survey.unread} not read"
        if survey is not None
        else "",
        expected=f"all of it; at most {most} that no key opens (accept_damaged)",
        next_step="restore them from elsewhere, or accept their number in the inventory: it is "
        "signed with the plan; a larger store needs a higher `read_within_seconds`",
        facts=(f"{target}.count", f"{target}.root", f"{target}.damaged"),
    )


def former_versions_are_decided(keys: KeysSituation, target: str) -> GuardResult:
    """R21: people said what becomes of versions that nobody reads and that name the key."""
    store = store_of(keys, target)
    named = named_in(keys, store)
    count = 0 if named is None else named.former
    return guard_result(
        "R21",
        "what becomes of former versions is decided",
        subject=target,
        holds=not count or store.rules.former_versions is not FormerVersions.REFUSE,
        got=f"{count} former or deleted versions name it, {store.rules.former_versions.value}",
        expected="none, or `former_versions: keep | retire`",
        next_step="keep: the old key still opens them; retire: they are removed for ever, and what "
        "only they hold with them. Say which in the inventory",
        facts=(f"{target}.former", f"{target}.place"),
    )


def several_are_decided(keys: KeysSituation, target: str) -> GuardResult:
    """R22: where envelopes are for several, people said that their readers can open sound ones."""
    named, found = named_in(keys, store_of(keys, target)), reencrypt_of(keys)
    count = 0 if named is None else named.several
    decided = found is not None and found.several is Several.DATA_KEY
    return guard_result(
        "R22",
        "how envelopes for several recipients are sealed is decided",
        subject=target,
        holds=not count or decided,
        got=f"{count} that name it are for several",
        expected="none, or `several: data-key`",
        next_step="the chain's library cannot open what is sealed soundly for several: prove that "
        "their readers can, then say `several: data-key` (docs/stores.md#several-recipients)",
        facts=("reencrypt.several",),
    )


def directory_is_ours(keys: KeysSituation, target: str) -> GuardResult:
    """R23: what is done can be kept, and no other job goes on there."""
    found = reencrypt_of(keys)
    flaw = NOT_SAID if found is None else found.flaw
    running = () if found is None else found.running
    return guard_result(
        "R23",
        "the directory of jobs is ours alone, and no job goes on",
        subject=target,
        holds=not flaw and not running,
        got=flaw or f"goes on: {', '.join(running)}" if flaw or running else "0700, none goes on",
        expected="a directory of yours alone, without a job that runs",
        next_step="mkdir -m 700 it; or wait: `remediate status` shows a run that goes on, and "
        "`touch stop` in the job's directory ends it",
    )


def nothing_is_undeclared(
    keys: KeysSituation, proposal: Proposal[KeysSituation]
) -> GuardResult | None:
    """R24: the scan finds nothing where somebody declared that there is nothing, and something
    where somebody declared that there is."""
    if not any(one.startswith(STORE_TARGET) for one in proposal.targets):
        return None
    stores = stores_of(keys).stores
    unread = [one.store for one in stores if survey_of(one) is None]
    odd = []
    for one in stores:
        survey = survey_of(one)
        if survey is None:
            continue
        found = survey.envelopes + survey.damaged
        if found and one.rules.holds is Holds.NOTHING:
            odd.append(f"{one.store}: {found} where nothing is declared")
        if not found and one.rules.holds is Holds.ENVELOPES:
            odd.append(f"{one.store}: none where envelopes are declared")
    return guard_result(
        "R24",
        "what is declared and what a scan finds are the same",
        holds=False if odd else None if unread else True,
        got="; ".join([*odd, *(f"{name}: not read" for name in unread)]) or f"{len(stores)} stores",
        expected="envelopes where they are declared, and nowhere else",
        next_step="correct `holds` of the place, or find out who put them there",
    )


def what_is_locked_is_accepted(
    keys: KeysSituation, proposal: Proposal[KeysSituation]
) -> GuardResult | None:
    """R40: what names the key where nothing can be sealed anew from here was accepted, by its
    number. Else "all of it" is no true sentence."""
    if not any(one.startswith(STORE_TARGET) for one in proposal.targets):
        return None
    those = [one for one in stores_of(keys).stores if one.is_locked]
    unread = [one.store for one in those if survey_of(one) is None]
    counts = {one.store: named_in(keys, one) for one in those}
    found = {name: one.count for name, one in counts.items() if one is not None}
    over = [
        f"{one.store}: {found[one.store]}, {one.rules.accept_locked} accepted"
        for one in those
        if found.get(one.store, 0) > one.rules.accept_locked
    ]
    told = [f"{name}: {count} accepted" for name, count in found.items()]
    return guard_result(
        "R40",
        "what names the key and cannot be sealed anew from here is accepted",
        holds=False if over else None if unread else True,
        got="; ".join([*(over or told), *(f"{name}: not read" for name in unread)]) or "none",
        expected="at most as many as `accept_locked` says",
        next_step="ask their owners to upload them anew under another key, or accept their number "
        "in the inventory: it is signed with the plan",
    )


STORE_GUARDS = (
    key_is_revoked,
    new_key_is_active,
    machine_is_named,
    both_keys_are_here,
    store_is_known,
    former_versions_are_decided,
    several_are_decided,
    directory_is_ours,
)
"""What holds for every store that is sealed anew."""
