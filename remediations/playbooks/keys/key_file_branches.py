"""The branches `install-key` and `retire-key-file` of `INC-005`: readers get the new private key
before anything is sealed to it, and lose the old one when nothing is sealed to it any more."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Action, Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.keys.checks.titles import READER_CHECKS
from remediations.playbooks.keys.key_file_actions import INSTALL, RETIRE
from remediations.playbooks.keys.key_file_gates import FormerKeyGone, ReaderServes
from remediations.playbooks.keys.key_files import (
    all_readers,
    lacking,
    may_act_on,
    readers,
)
from remediations.playbooks.keys.reencryption_scope import (
    former_owner,
    recipient,
    revoked,
    stores_of,
    what_stays,
)
from remediations.playbooks.keys.situation import REASON, KeysSituation
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.reading import ReaderReading
from remediations.values.part import Kinded, Part
from remediations.values.reading import value_or_none

GATE_SLACK_S = 30
"""Beyond what the inventory gives a reader to become ready: a look takes some seconds."""
RETIRE_GATE_S = 30


def _why_not(keys: KeysSituation) -> str | None:
    if not keys.fingerprint:
        return "nobody says which key is out: --fingerprint"
    if REASON not in keys.inputs:
        return "nobody says why: --reason, which stands in the plan and in its report"
    if not all_readers(keys):
        return "no host of the inventory has a `key-file` (docs/key-files.md)"
    if not former_owner(keys):
        return f"nothing tells whose key {keys.fingerprint} was: no record, and no event"
    if not readers(keys):
        named = ", ".join(sorted({one.entry.account for one in all_readers(keys)}))
        return f"no reader is of {former_owner(keys)}; those of the inventory are of {named}"
    return None


def _install_fits(keys: KeysSituation) -> str | None:
    why = _why_not(keys)
    if why is None and not lacking(keys):
        why = f"each of {len(readers(keys))} readers has the new key"
    if why is None and not _installs(keys):
        why = "the readers without the new key are left out by --limit"
    return why


def _installs(keys: KeysSituation) -> tuple[ReaderReading, ...]:
    return tuple(one for one in lacking(keys) if may_act_on(keys, one.host))


def _retire_fits(keys: KeysSituation) -> str | None:
    why = _why_not(keys)
    if why is None and revoked(keys) is None and keys.key is not None:
        why = f"{keys.fingerprint} is not revoked: `--branch revoke-key` comes first"
    if why is None and not _retires(keys):
        why = "no reader that may be acted on has a file of the old key"
    return why


def _retires(keys: KeysSituation) -> tuple[ReaderReading, ...]:
    """Readers beside whose file the old key lies, or of which that is not known."""
    found = []
    for one in readers(keys):
        former = value_or_none(one.former)
        if former is None or any(key.name == keys.fingerprint for key in former):
            found.append(one)
    return tuple(one for one in found if may_act_on(keys, one.host))


def _propose_install(keys: KeysSituation) -> Proposal[KeysSituation]:
    short = _new(keys)[:12] or "the new key"
    hosts = _installs(keys)
    ids = ["RP20", "RP21", *(["RP22"] if any(one.entry.ready for one in readers(keys)) else [])]
    return Proposal(
        title=f"install {short} in the key files of {', '.join(one.host for one in hosts)}",
        stages=tuple(
            _stage(
                one,
                INSTALL,
                title=f"install {short} on {one.host}, {_tells(one)}",
                why=f"the key is out: {keys.inputs[REASON]}. One reader at a time",
                gate=f"{one.host} has {short}, was told, and is ready",
                timeout_s=one.entry.ready_within_s + GATE_SLACK_S,
                asks=ReaderServes(host=one.host, fingerprint=_new(keys)),
            )
            for one in hosts
        ),
        checks=tuple(PlannedCheck(id=one, title=READER_CHECKS[one]) for one in ids),
        risk=Risk.MEDIUM,
        worst_case="one reader does not come back with the new key and stays down; its former key "
        "lies beside the file, and undo puts it back. The others are as before",
        warnings=tuple(_warnings(keys, hosts)),
    )


def _new(keys: KeysSituation) -> str:
    """The fingerprint of the key in its place, "" if there is none: then guards block."""
    new = recipient(keys)
    return "" if new is None else new.fingerprint


def _tells(one: ReaderReading) -> str:
    if one.entry.told is Told.READS_EACH_TIME:
        return "which it reads each time"
    return f"and {one.entry.told.value} {one.entry.unit}"


def _warnings(keys: KeysSituation, hosts: tuple[ReaderReading, ...]) -> Iterator[str]:
    yield (
        "a reader with one key opens what is sealed to that one: from the exchange until "
        "re-encrypt has ended, what is still sealed to the old key is not read there"
    )
    yield (
        "the old private key stays beside each file, for root alone, so that undo exists: "
        "`--branch retire-key-file` removes it after re-encrypt"
    )
    left = [one.host for one in lacking(keys) if one not in hosts]
    if left:
        names = ", ".join(left)
        yield f"{names} stay without the new key: re-encrypt is refused until they have it"


def _propose_retire(keys: KeysSituation) -> Proposal[KeysSituation]:
    hosts, short = _retires(keys), keys.fingerprint[:12]
    return Proposal(
        title=f"remove the old key {short} from {', '.join(one.host for one in hosts)}",
        stages=tuple(
            _stage(
                one,
                RETIRE,
                title=f"remove {short} on {one.host}",
                why="nothing in any store is sealed to it any more",
                gate=f"{one.host} has no file of {short}",
                timeout_s=RETIRE_GATE_S,
                asks=FormerKeyGone(host=one.host, fingerprint=_new(keys)),
            )
            for one in hosts
        ),
        checks=tuple(PlannedCheck(id=one, title=READER_CHECKS[one]) for one in ("RP20", "RP23")),
        risk=Risk.HIGH,
        worst_case="the old key is gone from these hosts: what is sealed to it somewhere that "
        "nobody declared (a backup, an archive) opens with the copy that is kept offline only",
        warnings=(
            "there is no undo: bring a copy of the old key to where it is kept offline first",
            "a removed file is not overwritten: on a copy-on-write volume, in a snapshot or on a "
            "flash disk its bytes may stay",
            *(
                f"{told}: no reader opens it from then on, only the copy that is kept offline"
                for one in stores_of(keys).stores
                if (told := what_stays(one, keys.fingerprint))
            ),
        ),
    )


def _stage(
    one: ReaderReading,
    action: Action[KeysSituation],
    *,
    title: str,
    why: str,
    gate: str,
    timeout_s: int,
    asks: Kinded,
) -> StageDraft[KeysSituation]:
    """One reader; the next one only after its gate."""
    return StageDraft(
        title=title,
        why=why,
        moves=(Move(action, one.host),),
        gate=Gate(title=gate, timeout_s=timeout_s, asks=Part.of(asks)),
    )


def install_branch(*inputs: Input) -> Branch[KeysSituation]:
    """The branch; it takes the inputs of the playbook."""
    return Branch(
        name="install-key",
        title="put the new private key in the place of the readers' old one",
        condition="a reader of the inventory has the key that is out",
        fits=_install_fits,
        propose=_propose_install,
        inputs=inputs,
    )


def retire_branch(*inputs: Input) -> Branch[KeysSituation]:
    """The branch; it takes the inputs of the playbook."""
    return Branch(
        name="retire-key-file",
        title="remove the old private key from the readers' hosts",
        condition="readers have the new key, and no store names the old one",
        fits=_retire_fits,
        propose=_propose_retire,
        inputs=inputs,
    )
