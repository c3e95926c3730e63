"""Keys that two hosts hold, or that sign twice: which holder may go on, and why. Pure.

A sign state is written before its vote leaves the node, so the sign states of all holders show what
this key signed, as far as its holders are known. A holder may go on if nothing that the key signed
elsewhere is newer than its own sign state: then nothing that it signs from now on was signed
before.

1. A sign state that cannot be read, or cannot be of this chain, may be the newest. Then nobody is
   proven to have it.
2. A holder covers another one if its sign state is at least as new. Two that run and sign at the
   tip are level: their sign states move while they are read, and lie a vote apart.
3. Who is stopped must cover what the chain shows, too: a later signature is somebody else's.
4. Of those that cover all others one goes on: who runs before who does not, a validator before a
   full node before a standby, and of two that run the one that has run for longer. That is a choice
   among equals: any of them is safe.
5. A key that is out of the validator set signs nothing, and if it comes back, it does so above all
   that it signed: then sign states decide nothing, and 4 alone does.
6. Where nobody is proven, or nothing tells two apart, nobody goes on: a validator that is stopped
   comes back, one that is tombstoned never does.

People may choose another one (`--keep HOST`, `--keep none`); guard G82 judges it by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from msgspec import UNSET

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.equivocation import runs
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.playbooks.chain.finding import ChainFinding
from remediations.render.formats import name_some
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Unknown, Why

KEEP = "keep"
"""The input with which people choose who goes on."""
NONE = "none"
ACCEPT_HALT = "accept-halt"
"""The input with which people accept that a stop halts the chain."""
STOPS = "node.hold.duplicate"
"""The name of the action that stops and holds a holder."""
_NEVER_SIGNED = SignState(height=0, round=0, step=0, block="")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A host with the key. `runs`: a daemon runs, or may; `held`: nobody can start it. `state` is
    its sign state; None where `lacks` says why it proves nothing. `since` is when it was started.
    """

    host: str
    role: Role
    runs: bool
    held: bool
    state: SignState | None
    lacks: str
    since: datetime | None

    @property
    def hrs(self) -> str:
        """Its sign state, in words."""
        if self.state is None:
            return "sign state unknown"
        return f"{self.state.height}/{self.state.round}/{self.state.step}"

    @property
    def standing(self) -> str:
        """Whether it runs."""
        return "held" if self.held else "runs" if self.runs else "stopped"


@dataclass(frozen=True, kw_only=True)
class SharedKey:
    """One key, its power, and its holders. `twice`: it signs twice now. `out`: it is not in the
    validator set, which is known. `signed` is the highest
    commit with its signature; `tip` the newest block. `keep` is what people chose, "" for nothing.
    `unread` are hosts whose keys could not be read: one of them may hold it, too.
    """

    address: str
    power: int
    twice: bool
    out: bool
    holders: tuple[Holder, ...]
    signed: int | None
    tip: int
    keep: str
    unread: tuple[str, ...]

    @property
    def free(self) -> tuple[Holder, ...]:
        """The holders that run, or that somebody could start."""
        return tuple(holder for holder in self.holders if not holder.held)

    @cached_property
    def decision(self) -> tuple[str, str]:
        """Who goes on, "" for nobody, and why: in words that stay while the sign states move on."""
        free = [holder.host for holder in self.free]
        if self.keep == NONE:
            return "", "people chose that nobody goes on (--keep none)"
        if self.keep in free:
            return self.keep, "people chose it (--keep)"
        if len(self.holders) < 2:
            return "", self._alone
        if len(free) < 2:
            return "", "its other known holders are held, so yet another one signs"
        able = [holder for holder in self.free if not self.missing_proof(holder.host)]
        if not able:
            return "", "nobody is proven to have the newest sign state"
        best = max(map(_rank, able))
        first = [holder for holder in able if _rank(holder) == best]
        if len(first) == 1:
            return first[0].host, self._why(first[0], able)
        started = [h for h in first if h.since is not None and h.runs]
        longest = min((h.since for h in started if h.since is not None), default=None)
        oldest = [h for h in started if h.since == longest]
        if len(started) == len(first) and len(oldest) == 1:
            return oldest[0].host, f"{self._why(oldest[0], able)}; it has run for longer"
        names = name_some([holder.host for holder in first])
        return "", f"nothing tells {names} apart: name the one that is to sign (--keep HOST)"

    @property
    def goes_on(self) -> str:
        """The host that goes on; "" if nobody does."""
        return self.decision[0]

    @property
    def stops(self) -> tuple[Holder, ...]:
        """The holders that have to be stopped and held."""
        return tuple(holder for holder in self.free if holder.host != self.goes_on)

    @property
    def keeps_signing(self) -> bool:
        """Whether its power goes on to vote, by the one that goes on."""
        return any(holder.runs for holder in self.free if holder.host == self.goes_on)

    def missing_proof(self, host: str) -> str:
        """Why this holder is not proven to have the newest sign state; "" if it need not be, or
        is."""
        if self.out:
            return ""
        for holder in self.holders:
            if holder.lacks:
                return f"{holder.host}: {holder.lacks}"
        return self.newer_than(host)

    def newer_than(self, host: str) -> str:
        """What is known to be newer than the sign state of this holder; "" for nothing."""
        own = self.holder(host)
        if own.state is None or self.out:
            return ""
        for other in self.holders:
            if other is own or other.state is None or own.state.hrs >= other.state.hrs:
                continue
            if not (self._at_tip(own) and self._at_tip(other)):
                return f"{other.host} signed {other.hrs} ({other.standing}), {host} only {own.hrs}"
        seen = self.signed or 0
        if own.state.height < seen - (READ_APART if own.runs else 0):
            return f"the chain shows its signature for {seen}, {host} signed only {own.hrs}"
        return ""

    def holder(self, host: str) -> Holder:
        """The holder of that name.

        Raises:
            KeyError: it does not hold this key.
        """
        return {holder.host: holder for holder in self.holders}[host]

    def _at_tip(self, holder: Holder) -> bool:
        """Whether it runs and signs what comes now."""
        state = holder.state
        return holder.runs and state is not None and state.height > max(0, self.tip - READ_APART)

    @property
    def _alone(self) -> str:
        if self.twice:
            return "its second holder is on no host of the inventory that could be read"
        return f"whether {name_some(self.unread, 4)} holds it, too, could not be read"

    @property
    def details(self) -> str:
        """Each holder with its sign state, and which proof is missing where nobody goes on."""
        proofs = [] if self.goes_on else [self.missing_proof(one.host) for one in self.free]
        return "; ".join(dict.fromkeys((*told(self), *filter(None, proofs))))

    def _why(self, chosen: Holder, able: list[Holder]) -> str:
        if self.out:
            return "the key is out of the validator set, and signs nothing"
        if len(able) == 1:
            return "its sign state is the newest that is known of this key"
        alike = "its sign state is as new as any that is known of this key"
        if chosen.runs and not all(holder.runs for holder in able):
            return f"{alike}, and it is the one that runs"
        if any(holder.role is not chosen.role for holder in able):
            return f"{alike}, and its role is {chosen.role}"
        return alike


_ROLES = (Role.STANDBY, Role.FULL, Role.VALIDATOR)
"""Who goes on, the last one first."""


def _rank(holder: Holder) -> tuple[bool, int]:
    return holder.runs, _ROLES.index(holder.role) if holder.role in _ROLES else -1


def read_shared_keys(
    observation: CometReading, finding: ChainFinding, same: Mapping[str, str], tip: int, keep: str
) -> tuple[SharedKey, ...]:
    """The keys of which some holder has to be stopped: those that sign twice first, then by
    power. `same` maps a host to the one name of its machine."""
    views = [NodeView(r) for r in observation.hosts if same.get(r.host, r.host) == r.host]
    kinds = (NodeCondition.DOUBLE_SIGNING, NodeCondition.DUPLICATE_KEY)
    wanted: dict[str, bool] = {}
    for view in views:
        condition = finding.node(view.host).condition
        for address in _addresses(view) if condition in kinds else ():
            now = condition is NodeCondition.DOUBLE_SIGNING
            wanted[address] = wanted.get(address, False) or now
    unread = tuple(
        view.host
        for view in views
        if isinstance(view.reading.key, Unknown) and view.reading.role is not Role.BASTION
    )
    found = []
    for address, twice in wanted.items():
        nodes = [finding.node(view.host) for view in views if address in _addresses(view)]
        signed = [node.last_signed for node in nodes if node.last_signed is not None]
        key = SharedKey(
            address=address,
            power=max(node.power for node in nodes),
            twice=twice,
            out=bool(finding.total_power) and not any(node.power for node in nodes),
            holders=tuple(
                _holder(view, observation.chain_id, tip)
                for view in views
                if address in _addresses(view)
            ),
            signed=max(signed, default=None),
            tip=tip,
            keep=keep if keep in {NONE, *(node.host for node in nodes)} else "",
            unread=unread,
        )
        if key.stops:
            found.append(key)
    return tuple(sorted(found, key=lambda key: (not key.twice, -key.power, key.address)))


def _addresses(view: NodeView) -> frozenset[str]:
    """The keys with which a node signs, or could after a start: that of its answers, and its key
    file's, unless a remote signer signs for it."""
    key = view.reading.key
    file = "" if isinstance(key, Unknown) or view.remote_signer else key.value.address
    return frozenset({view.address, file} - {""})


def _holder(view: NodeView, chain_id: str, tip: int) -> Holder:
    running = runs(view) or not view.down
    state, lacks = _state(view, running=running, chain_id=chain_id, tip=tip)
    return Holder(
        host=view.host,
        role=view.reading.role,
        runs=running,
        held=view.held,
        state=state,
        lacks=lacks,
        since=view.started_at if running else None,
    )


def _state(
    view: NodeView, *, running: bool, chain_id: str, tip: int
) -> tuple[SignState | None, str]:
    """Its sign state, or why it proves nothing."""
    if view.config is None or view.remote_signer:
        if view.config is None:
            return None, "whether a remote signer signs for it could not be read"
        return None, f"the remote signer at {view.remote_signer} keeps its sign state"
    reading = view.reading.sign_state
    if isinstance(reading, Unknown):
        if reading.why is Why.ABSENT and not running:
            return _NEVER_SIGNED, ""  # without that file no daemon of CometBFT starts
        return None, f"its sign state could not be read ({reading.reason})"
    state = reading.value
    highest = tip + 1 + (READ_APART if running else 0)
    if tip and state.height > highest:
        return None, f"its sign state {state.height} is above the chain, which is at {tip}"
    if state.chain_id is not UNSET and state.chain_id not in ("", chain_id):
        return None, f"its sign state is of the chain {state.chain_id}"
    return state, ""


def shared_key_of(keys: tuple[SharedKey, ...], host: str) -> SharedKey | None:
    """The first of the keys that this host holds, None if it holds none of them."""
    return next((key for key in keys if host in {h.host for h in key.holders}), None)


def told(key: SharedKey) -> Iterator[str]:
    """Each holder with its sign state, in words."""
    for holder in key.holders:
        yield f"{holder.host} {holder.standing}, {holder.hrs}"
