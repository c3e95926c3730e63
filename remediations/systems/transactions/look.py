"""One look: the endpoints, then the accounts with their keys, what happened to keys, who may revoke
for whom, what revoking each key would take, and which signed transactions lie there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from remediations.engine.system import LookRequest
from remediations.errors import RemediationError
from remediations.files.trusted import read_trusted
from remediations.reach.background import run_in_thread
from remediations.reach.node_rpc import RpcError
from remediations.systems.transactions import granted, questions
from remediations.systems.transactions.asking import agreed, read_endpoints
from remediations.systems.transactions.inventory import AccountEntry, KeysEntry, keys_of
from remediations.systems.transactions.sent import SIGNED
from remediations.systems.transactions.signed import MOST_BYTES, NotSigned, read_signed
from remediations.systems.transactions.trials import (
    BY_GRANT,
    Trial,
    granted_trials,
    register_trials,
    revoke_trials,
    rotate_trials,
)
from remediations.systems.transactions.values import (
    AccountReading,
    AccountsNow,
    AccountState,
    EndpointReading,
    Grant,
    KeyEvent,
    KeyOwner,
    KeyRecord,
    KeysReading,
    SignedFile,
    Simulation,
)
from remediations.values.endpoint import Endpoint
from remediations.values.part import Kinded
from remediations.values.reading import Known, Reading, Unknown, Why, value_or_none

_MOST_FILES = 50
_MOST_SIMULATED = 200
_AT_A_TIME = 4
_MOST_OWNERS = 50


async def look_at_keys(look: LookRequest) -> Sequence[Kinded]:
    """All of the section. Never raises for what an endpoint does."""
    return (await read_keys(keys_of(look.inventory)),)


async def read_keys(entry: KeysEntry) -> KeysReading:
    """All of it."""
    endpoints = await read_endpoints(entry)
    used = [one.endpoint for one in endpoints if not one.flaw]
    accounts = await asyncio.gather(*(_account(one, used) for one in entry.accounts))
    events, grants, others, signed = await asyncio.gather(
        _events(used),
        _grants(entry, used),
        _others_grants(entry, used),
        run_in_thread(_signed, Path(entry.directory) / SIGNED),
    )
    owners = await _owners(others, used)
    trials = [
        *revoke_trials(entry, accounts),
        *granted_trials(entry, accounts, owners, _either(grants, others)),
        *rotate_trials(entry, accounts),
        *register_trials(entry, accounts, _either(grants, others)),
    ]
    return KeysReading(
        section=entry,
        endpoints=endpoints,
        height=_height(endpoints),
        accounts=tuple(accounts),
        events=events,
        grants=grants,
        others_grants=others,
        owners=owners,
        simulations=await _simulations(trials, used),
        signed=signed,
    )


def _height(endpoints: Sequence[EndpointReading]) -> Reading[int]:
    states = [value_or_none(one.state) for one in endpoints if not one.flaw]
    heights = [state.last for state in states if state is not None]
    at = datetime.now(UTC)
    if not heights:
        flaws = "; ".join(f"{one.endpoint.name}: {one.flaw}" for one in endpoints)
        return Unknown(why=Why.UNREACHABLE, reason=flaws[:300], source="status", at=at)
    return Known(value=min(heights), source="status", at=at)


async def read_now(entry: KeysEntry, *owners: str) -> AccountsNow:
    """The accounts with their keys, and the keys of `owners`, as the endpoints that answer for the
    chain have them now: what is looked at again and again while a plan is applied. Nobody waits for
    a height to move."""
    answers = await asyncio.gather(*(_is_of(one, entry.chain_id) for one in entry.endpoints))
    used = [one for one, good in zip(entry.endpoints, answers, strict=True) if good]
    accounts = await asyncio.gather(*(_account(one, used) for one in entry.accounts))
    ours = {one.address for one in entry.accounts}
    others = [one for one in dict.fromkeys(owners) if one and one not in ours]
    found = await asyncio.gather(*(_owner(one, used) for one in others))
    return AccountsNow(endpoints=len(used), accounts=tuple(accounts), owners=tuple(found))


async def _is_of(endpoint: Endpoint, chain_id: str) -> bool:
    try:
        found = await run_in_thread(questions.status, endpoint)
    except RpcError:
        return False
    return found.chain_id == chain_id and not found.catching_up


async def _account(entry: AccountEntry, used: Sequence[Endpoint]) -> AccountReading:
    def state(endpoint: Endpoint) -> AccountState:
        return questions.account(endpoint, entry.address)

    def keys(endpoint: Endpoint) -> tuple[KeyRecord, ...]:
        return questions.keys(endpoint, entry.address)

    found, registered = await asyncio.gather(
        agreed(used, state, "abci_query auth Account"),
        agreed(used, keys, "abci_query encryption RecipientKey"),
    )
    return AccountReading(entry=entry, state=found, keys=registered)


async def _events(used: Sequence[Endpoint]) -> Reading[tuple[KeyEvent, ...]]:
    """What all endpoints together know: each keeps as much as its own settings say."""
    source, at = "tx_search, block_search", datetime.now(UTC)
    answers = await asyncio.gather(*(agreed([one], questions.events, source) for one in used))
    known = [one.value for one in answers if isinstance(one, Known)]
    if not known:
        reason = answers[0].reason if answers and isinstance(answers[0], Unknown) else "not asked"
        return Unknown(why=Why.FAILED, reason=reason, source=source, at=at)
    found = {event for one in known for event in one}
    ordered = sorted(found, key=lambda one: (one.height, one.kind, one.fingerprint))
    return Known(value=tuple(ordered), source=source, at=at)


async def _owner(address: str, used: Sequence[Endpoint]) -> KeyOwner:
    asked = partial(questions.keys, address=address)
    return KeyOwner(
        address=address, keys=await agreed(used, asked, "abci_query encryption RecipientKey")
    )


async def _grants(entry: KeysEntry, used: Sequence[Endpoint]) -> Reading[tuple[Grant, ...]]:
    """Those among the accounts of the inventory, each asked for by itself: what others grant cannot
    hide them."""
    addresses = {one.name: one.address for one in entry.accounts}
    asked_for = [
        (one.address, addresses[admin], message)
        for one in entry.accounts
        for admin in entry.admins
        for message in BY_GRANT
        if one.name != admin
    ]

    def asked(endpoint: Endpoint) -> tuple[Grant, ...]:
        return tuple(grant for those in asked_for for grant in granted.grants(endpoint, *those))

    return await agreed(used, asked, "abci_query authz Grants")


async def _others_grants(entry: KeysEntry, used: Sequence[Endpoint]) -> Reading[tuple[Grant, ...]]:
    """Those that the admins have from accounts outside of the inventory."""
    ours = {one.name: one.address for one in entry.accounts}

    def asked(endpoint: Endpoint) -> tuple[Grant, ...]:
        given = tuple(
            grant
            for admin in entry.admins
            for grant in granted.grants_to(endpoint, ours[admin], BY_GRANT)
            if grant.granter not in ours.values()
        )
        if len({one.granter for one in given}) > _MOST_OWNERS:
            said = f"{endpoint.name}: more than {_MOST_OWNERS} accounts have granted something"
            raise RpcError(said, why=Why.TOO_LARGE)
        return given

    return await agreed(used, asked, "abci_query authz GranteeGrants")


async def _owners(
    grants: Reading[tuple[Grant, ...]], used: Sequence[Endpoint]
) -> tuple[KeyOwner, ...]:
    """The accounts outside of the inventory for which an admin may revoke."""
    addresses = sorted({one.granter for one in value_or_none(grants) or ()})
    return tuple(await asyncio.gather(*(_owner(one, used) for one in addresses)))


def _either(*grants: Reading[tuple[Grant, ...]]) -> tuple[Grant, ...]:
    return tuple(one for those in grants for one in value_or_none(those) or ())


async def _simulations(trials: Sequence[Trial], used: Sequence[Endpoint]) -> tuple[Simulation, ...]:
    """What each of them would take, at the first endpoint; some at a time."""
    some = asyncio.Semaphore(_AT_A_TIME)

    async def tried(trial: Trial) -> Simulation:
        asked = partial(questions.simulate, transaction=trial.transaction)
        async with some:
            gas = await agreed(used[:1], asked, "abci_query simulate")
        about = {"fingerprint": trial.fingerprint, "by": trial.by, "message": trial.message}
        return Simulation(**about, gas=gas)

    return tuple(await asyncio.gather(*(tried(one) for one in trials[:_MOST_SIMULATED])))


def _signed(directory: Path) -> Reading[tuple[SignedFile, ...]]:
    source, at = str(directory), datetime.now(UTC)
    try:
        names = sorted(one.name for one in directory.iterdir() if one.name.endswith(".json"))
    except FileNotFoundError:
        return Known(value=(), source=source, at=at)
    except OSError as error:
        reason = error.strerror or "not read"
        return Unknown(why=Why.DENIED, reason=reason, source=source, at=at)
    return Known(
        value=tuple(_file(directory / name) for name in names[:_MOST_FILES]), source=source, at=at
    )


def _file(path: Path) -> SignedFile:
    try:
        content = read_trusted(path, limit=MOST_BYTES).data
        signed = read_signed(content)
    except (NotSigned, RemediationError, OSError) as error:
        flaw = error.got if isinstance(error, RemediationError) else str(error)
        return SignedFile(
            name=path.name, sha256="", body_sha256="", public_key="", sequence=0, flaw=flaw[:200]
        )
    return SignedFile(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        body_sha256=hashlib.sha256(signed.body).hexdigest(),
        public_key=signed.public_key,
        sequence=signed.sequence,
        flaw="",
    )
