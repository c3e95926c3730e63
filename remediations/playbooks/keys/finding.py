"""What the keys amount to, for people."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import (
    Finding,
    FindingRow,
    FindingTable,
    Health,
    Subject,
    evidence_of,
)
from remediations.playbooks.keys.conditions import KeyCondition, day, judge_key
from remediations.playbooks.keys.key_files import reader_table
from remediations.playbooks.keys.situation import KeysSituation
from remediations.playbooks.keys.store_tables import store_tables
from remediations.render.formats import count_of
from remediations.systems.sessions.reading import ItemReading
from remediations.systems.transactions.values import AccountReading
from remediations.values.reading import Unknown, value_or_none
from remediations.values.transaction import REVOKE as GRANTED

NAME, PLAYBOOK = "keys", "INC-005"
_MOST_ROWS = 50
USE = (
    "not told by the chain: it has no query for it. Ask the vault's access log for the time since "
    "the key may be out (docs/keys.md#use)"
)
_BY_HAND = {
    KeyCondition.UNREAD: "see `remediate doctor`: the endpoints",
    KeyCondition.ROTATED_BY_STRANGER: "the owner decides: register a key of its own, revoke this "
    "one (`remediate plan INC-005 --fingerprint …`)",
}


def conclude(keys: KeysSituation) -> Finding:
    """One subject for each key, and one for each account whose keys were not read."""
    subjects = tuple(_subjects(keys))
    health = _health(keys, subjects)
    active = sum(one.condition == KeyCondition.ACTIVE for one in subjects)
    return Finding(
        domain=NAME,
        verdict=_verdict(health),
        health=health,
        headline=f"{active} of {count_of(len(subjects), 'key')} active",
        explanation=_explanation(keys, subjects),
        since=None,
        rows=tuple(_rows(keys)),
        noun="key",
        measure="active keys",
        subjects=subjects,
        tables=tuple(_tables(keys)),
        next_step="where a key is out: `remediate plan INC-005 --fingerprint F --reason …`",
        playbook="",
        witnesses=tuple(one.endpoint.name for one in keys.reading.used),
        evidence=(evidence_of("chain.height", keys.reading.height),),
    )


def _health(keys: KeysSituation, subjects: tuple[Subject, ...]) -> Health:
    healths = {one.health for one in subjects}
    if isinstance(keys.reading.height, Unknown) or Health.UNKNOWN in healths:
        return Health.UNKNOWN
    return Health.DEGRADED if Health.DEGRADED in healths else Health.WELL


def _verdict(health: Health) -> str:
    return {Health.WELL: "keys-known", Health.DEGRADED: "keys-tampered"}.get(health, "keys-unread")


def _explanation(keys: KeysSituation, subjects: tuple[Subject, ...]) -> str:
    if isinstance(keys.reading.height, Unknown):
        return f"no endpoint is used: {keys.reading.height.reason}"
    bad = [one for one in subjects if one.health is not Health.WELL]
    if bad:
        return "; ".join(f"{one.name}: {one.condition}, {one.cause}" for one in bad)[:600]
    return "every key is as its owner left it; whether one is out, no chain can tell"


def _subjects(keys: KeysSituation) -> Iterator[Subject]:
    for account in keys.reading.accounts:
        if isinstance(account.keys, Unknown):
            yield Subject(
                name=account.entry.target,
                condition=KeyCondition.UNREAD,
                health=Health.UNKNOWN,
                weight=None,
                cause=account.keys.reason,
                by_hand=_BY_HAND[KeyCondition.UNREAD],
                evidence=(evidence_of(f"{account.entry.target}.keys", account.keys),),
            )
            continue
        for key in account.keys.value:
            judged = judge_key(keys, key)
            yield Subject(
                name=key.fingerprint,
                condition=judged.condition,
                health=judged.health,
                weight=None,
                cause=f"{account.entry.name}: {judged.cause}",
                by_hand=_BY_HAND.get(judged.condition, ""),
                evidence=(evidence_of(f"{account.entry.target}.keys", account.keys, judged.cause),),
            )


def _rows(keys: KeysSituation) -> Iterator[FindingRow]:
    reading = keys.reading
    yield FindingRow(title="chain", text=reading.section.chain_id)
    used = ", ".join(one.endpoint.name for one in reading.used) or "none"
    flawed = "; ".join(f"{one.endpoint.name}: {one.flaw}" for one in reading.endpoints if one.flaw)
    yield FindingRow(title="endpoints", text=f"{used}{'; not used: ' if flawed else ''}{flawed}")
    yield FindingRow(title="use of keys", text=USE)


def _tables(keys: KeysSituation) -> Iterator[FindingTable]:
    rows = tuple(
        (day(one.at), one.fingerprint, one.kind.value, _by(one.address, one.by, one.new), _in(one))
        for one in (value_or_none(keys.reading.events) or ())[-_MOST_ROWS:]
    )
    if rows:
        columns = ("when", "key", "what", "whose, by whom", "in")
        yield FindingTable(title="what happened to keys", columns=columns, rows=rows)
    if isinstance(keys.reading.events, Unknown):
        unread = keys.reading.events
        yield FindingTable(
            title="what happened to keys is not known",
            columns=("source", "why"),
            rows=((unread.source, unread.reason),),
        )
    yield FindingTable(
        title="who can revoke",
        columns=("account", "address", "signs", "keys", "besides"),
        rows=tuple(_who(keys, one) for one in keys.reading.accounts),
    )
    if keys.sessions is not None:
        items = tuple((one.item.name, one.item.what, _told(one)) for one in keys.sessions.items)
        yield FindingTable(
            title="what can be reset",
            columns=("item", "what it resets", "by its probe"),
            rows=items,
        )
    yield from store_tables(keys)
    if (table := reader_table(keys)) is not None:
        yield table
    others = tuple(_others(keys))
    if others:
        yield FindingTable(
            title="keys of others that an admin may revoke",
            columns=("key", "owner", "stands", "who may revoke it"),
            rows=others[:_MOST_ROWS],
        )
    for reading, title in (
        (keys.reading.grants, "who may revoke for an account is not known"),
        (keys.reading.others_grants, "for which others an admin may revoke is not known"),
    ):
        if isinstance(reading, Unknown):
            unread_row = (reading.source, reading.reason)
            yield FindingTable(title=title, columns=("source", "why"), rows=(unread_row,))


def _told(item: ItemReading) -> str:
    answer = item.answer
    return f"not known: {answer.reason}" if isinstance(answer, Unknown) else answer.value.seen


def _by(address: str, by: str, new: str) -> str:
    told = f"{address}, by {by}" if by and by != address else address
    return f"{told}, new key {new}" if new else told


def _in(event: object) -> str:
    transaction, height = getattr(event, "transaction", ""), getattr(event, "height", 0)
    return f"{transaction[:12]} in block {height}" if transaction else f"block {height} itself"


def _who(keys: KeysSituation, account: AccountReading) -> tuple[str, ...]:
    entry = account.entry
    count = "?" if isinstance(account.keys, Unknown) else str(len(account.keys.value))
    besides = ", ".join([*_admins(keys, entry.address), "governance"])
    return (entry.name, entry.address, entry.signer.value, count, besides)


def _admins(keys: KeysSituation, granter: str) -> list[str]:
    """Who may revoke the keys of an account, and until when."""
    names = {one.entry.address: one.entry.name for one in keys.reading.accounts}
    return [
        f"{names.get(one.grantee, one.grantee)} (authz"
        + (f" until {day(int(one.expires))})" if one.expires else ", for ever)")
        for one in value_or_none(keys.reading.granted(granter)) or ()
        if (one.granter, one.message) == (granter, GRANTED)
    ]


def _others(keys: KeysSituation) -> Iterator[tuple[str, ...]]:
    """The keys of accounts outside of the inventory that granted an admin to revoke them."""
    for owner in keys.reading.owners:
        admins = ", ".join(_admins(keys, owner.address))
        if isinstance(owner.keys, Unknown):
            yield ("?", owner.address, owner.keys.reason, admins)
            continue
        for key in owner.keys.value if admins else ():
            yield (key.fingerprint, owner.address, judge_key(keys, key).condition, admins)
