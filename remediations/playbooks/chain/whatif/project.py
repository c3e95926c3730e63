"""The chain after each stage: those that stop, the links that break, the stages of a branch. Pure.

In a halt, what is started counts as far as it can sign where the set comes back to; while blocks go
on, the chain passes whatever its sign state forbids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from remediations.engine.domain import Proposal, StageDraft
from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Impact
from remediations.engine.whatif.projection import (
    ProjectedStage,
    Projection,
    Projector,
    Setting,
    Supposition,
)
from remediations.errors import Unreadable, UsageError
from remediations.playbooks.chain.actions import HOLD, HOLD_DUPLICATE, REEXECUTE
from remediations.playbooks.chain.impact import POWER
from remediations.playbooks.chain.present import DOMAIN
from remediations.playbooks.chain.rebuild import HOLD_FOR_COPY, RELEASE_COPY
from remediations.playbooks.chain.signable.ability import Answer, Position
from remediations.playbooks.chain.signable.signers import (
    comes_back_to,
    hosts_of_unread_keys,
    signers_with,
)
from remediations.playbooks.chain.signable.whole import lock_sentences, signable
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.whatif.standing import Judge, Scene, Standing
from remediations.render.formats import format_duration, name_some
from remediations.systems.comet.quorum import has_quorum

HEIGHT = "height"
HOLDING = (HOLD, HOLD_DUPLICATE, HOLD_FOR_COPY)
REEXECUTING = (REEXECUTE, RELEASE_COPY)
"""Which state comes of it, only the hosts can tell."""
CAN_SIGN = "power that can sign"
SETTINGS = (
    Setting(
        name=HEIGHT,
        metavar="HEIGHT[/ROUND]",
        help="Also say how much power can sign there, if all start together.",
    ),
)
_UNREAD_WINDOW = (
    "how many blocks may be missed, and what is slashed, was not read: `query slashing params` "
    "(signed_blocks_window, min_signed_per_window, slash_fraction_downtime)"
)


def project(
    chain: ChainSituation, supposed: Supposition, proposal: Proposal[ChainSituation] | None
) -> Projection:
    """What follows from all that is supposed, in the order: stops, cuts, the branch.

    Raises:
        UsageError: the height cannot be read.
        Unreadable: neither a believed node nor genesis files that agree tell the validator set.
    """
    where = supposed.settings.get(HEIGHT)
    asked = _asked(where) if where is not None else None
    if not chain.finding.total_power:
        raise Unreadable(
            "nothing can be said about this chain: its validator set is not known",
            guard="total power",
            got=chain.finding.powers or "no believed node tells the validators",
            expected="a node that answers, and is believed",
            next_step="start one full node by hand, then `remediate diagnose`",
        )
    play = _Play(Judge(chain))
    play.suppose(supposed)
    for draft in proposal.stages if proposal is not None else ():
        play.run(draft)
    signing = (_signed_at(chain, asked, supposed),) if asked is not None else ()
    return Projection(
        domain=DOMAIN,
        title=_title(supposed, proposal, asked),
        stages=(*play.stages, *signing),
        notes=tuple(filter(None, (*play.consequences(), chain.by_files.removeprefix("; ")))),
    )


PROJECTOR = Projector(project=project, settings=SETTINGS)


class _Play:
    """The scenes one after the other."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._scene = judge.now
        self._standing = judge.standing(judge.now)
        self._started: list[str] = []
        self._missing: dict[str, None] = {}
        self.stages = [_stage("now", _impact(judge, self._standing, None), self._standing, ())]

    def suppose(self, supposed: Supposition) -> None:
        """Stop the hosts, then cut the links."""
        if supposed.stops:
            stops = self._judge.with_other_names(supposed.stops)
            blind = stops & frozenset(hosts_of_unread_keys(self._judge.chain))
            idle = sorted(stops - self._scene.running - blind)
            notes = [f"{name_some(idle)}: does not take part now"] if idle else []
            if at_most := self._judge.at_most(blind):
                told = f"which key it has was not read; up to {at_most} of the votes may be its own"
                notes.append(f"{name_some(sorted(blind))}: {told}")
            scene = replace(
                self._scene,
                running=self._scene.running - stops,
                voting=self._scene.voting - stops,
                blind=self._scene.blind | blind,
            )
            self._missing |= dict.fromkeys(sorted(stops & self._scene.voting))
            self._add(_stop(supposed.stops), scene, notes)
        if supposed.cuts:
            cuts = frozenset(map(frozenset, supposed.cuts))
            scene = replace(self._scene, cuts=cuts)
            links = self._judge.links.known
            none = [":".join(c) for c in supposed.cuts if c[1] not in links.get(c[0], ())]
            notes = [f"{name_some(none)}: no such link was seen"] if none else []
            self._add(_break(supposed.cuts), scene, notes)

    def run(self, draft: StageDraft[ChainSituation]) -> None:
        """One stage of a branch."""
        chain = self._judge.chain
        moved = [m.target for m in draft.moves if m.action.effects(chain, m.target)]
        if not moved:
            self._add(draft.title, self._scene, ("nothing is started or stopped",))
            return
        held = frozenset(m.target for m in draft.moves if m.action in HOLDING)
        before, gone = self._standing, frozenset(moved)
        down = replace(
            self._scene, running=self._scene.running - gone, voting=self._scene.voting - gone
        )
        worst = self._judge.standing(down) if gone & self._scene.running else before
        if held:
            up, notes = down, [f"{name_some(sorted(held))}: nobody starts them from here on"]
        else:
            again = any(m.action in REEXECUTING for m in draft.moves)
            up, notes = self._started_in(replace(down, again=again), moved)
        if before.goes_on and not worst.goes_on:
            notes = ["blocks stand while it is done", *notes]
        for host in gone - held:
            self._missing.pop(host, None)
        self._add(draft.title, up, notes, worst=worst.surely)

    def _started_in(self, down: Scene, moved: Sequence[str]) -> tuple[Scene, list[str]]:
        """The scene with these started, and what there is to say about where they can sign."""
        chain = self._judge.chain
        self._started += moved
        powered = frozenset(h for h in moved if chain.finding.node(h).power)
        running = down.running | frozenset(moved)
        if self._standing.goes_on:
            return replace(down, running=running, voting=down.voting | powered), []
        signers = [
            one
            for one in signers_with(chain, self._started)
            if one.name not in self._missing or one.name in moved
        ]
        found = signable(signers, comes_back_to(chain, signers), chain.finding.total_power)
        answers = {one.name: one.at(found.at.height).in_round(found.at.round) for one in signers}
        can = {host for host in powered if answers.get(host) is Answer.YES}
        perhaps = {host for host in powered if answers.get(host) is Answer.UNKNOWN}
        scene = replace(
            down,
            running=running,
            voting=down.voting | can,
            perhaps=down.perhaps | perhaps,
        )
        return scene, [found.sentence, *lock_sentences(found)] if powered else []

    def _add(
        self, title: str, scene: Scene, notes: Sequence[str], *, worst: int | None = None
    ) -> None:
        standing = self._judge.standing(scene)
        impact = _impact(self._judge, standing, self._standing, worst)
        self.stages.append(_stage(title, impact, standing, notes))
        self._scene, self._standing = scene, standing

    def consequences(self) -> Iterator[str]:
        """What follows for the stake: jailing and slashing."""
        for hosts in self._judge.keys_on_two(self._scene):
            yield (
                f"{name_some(hosts)} would sign with one key: slashed for signing twice and jailed "
                "for good (tombstoned)"
            )
        if not self._missing:
            return
        names = name_some(list(self._missing))
        if self._standing.goes_on:
            yield f"{names}: every block from then on is missed; {self._terms()}"
        elif self._standing.health is Health.DOWN:
            yield (
                f"{names}: while blocks stand none is missed, so nobody is jailed or slashed for "
                "downtime"
            )
        else:
            yield f"{names}: if blocks go on, every one is missed; {self._terms()}"

    def _terms(self) -> str:
        """What the chain does with who misses too many."""
        terms = self._judge.chain.slashing
        if terms is None:
            return _UNREAD_WINDOW
        share = format((Decimal(terms.slashed) * 100).normalize(), "f")
        return (
            f"whoever misses more than {terms.may_miss} of {terms.window} blocks is jailed for at "
            f"least {format_duration(timedelta(seconds=terms.jail_s))}, and loses {share} % of its "
            "stake"
        )


def _stage(title: str, impact: Impact, standing: Standing, notes: Sequence[str]) -> ProjectedStage:
    return ProjectedStage(
        title=title,
        impacts=(impact,),
        health=standing.health,
        verdict=standing.verdict,
        single_points=standing.points,
        notes=tuple(notes),
    )


def _impact(
    judge: Judge, after: Standing, before: Standing | None, worst: int | None = None
) -> Impact:
    """The power that votes together."""
    was = before.surely if before is not None else after.surely
    lowest = min(was, after.surely, *([worst] if worst is not None else []))
    floor = judge.needed if has_quorum(was, judge.total) else 0
    return Impact(
        measure=POWER, before=was, worst=lowest, after=after.surely, total=judge.total, floor=floor
    )


class _Asked(NamedTuple):
    """A height that was named. `round` is None where the set is to come back to it by itself."""

    height: int
    round: int | None

    def __str__(self) -> str:
        return str(self.height) if self.round is None else f"{self.height}/{self.round}"


def _signed_at(chain: ChainSituation, asked: _Asked, supposed: Supposition) -> ProjectedStage:
    """How much of all the power in the inventory that is not supposed to stop can sign there, by
    its files alone: as if all were started together."""
    stopped = frozenset(supposed.stops)
    powered = {node.host for node in chain.finding.nodes if node.power}
    hosts = (powered | set(hosts_of_unread_keys(chain))) - stopped
    signers = [replace(one, votes=False) for one in signers_with(chain, hosts) if one.name in hosts]
    at = comes_back_to(chain, signers, asked.height)
    if asked.round is not None:
        at = Position(asked.height, asked.round)
    found = signable(signers, at, chain.finding.total_power)
    health = {True: Health.DEGRADED, None: Health.UNKNOWN, False: Health.DOWN}[found.reached]
    impact = Impact(
        measure=CAN_SIGN,
        before=found.can,
        worst=found.can,
        after=found.can,
        total=found.total,
        floor=0,
    )
    return ProjectedStage(
        title=_signing(asked),
        impacts=(impact,),
        health=Health.WELL if found.can == found.total else health,
        verdict=found.sentence,
        single_points=(),
        notes=tuple(filter(None, (found.means, *lock_sentences(found)))),
    )


def _signing(asked: _Asked) -> str:
    return f"the next block is to be signed at {asked}"


def _asked(text: str) -> _Asked:
    """`114` or `114/3`.

    Raises:
        UsageError: it is not that.
    """
    height, slash, round_ = text.partition("/")
    numbers = (height, round_) if slash else (height,)
    if all(n.isascii() and n.isdigit() and len(n) <= 18 for n in numbers) and int(height):
        return _Asked(int(height), int(round_) if slash else None)
    raise UsageError(
        f"{text!r} is not a height",
        guard=f"--{HEIGHT}",
        got=text,
        expected="a height from 1 on, or a height and a round: 114 or 114/3",
        next_step=f"remediate whatif --{HEIGHT} 114",
    )


def _title(
    supposed: Supposition, proposal: Proposal[ChainSituation] | None, asked: _Asked | None
) -> str:
    """What is supposed, in one line."""
    parts = []
    if supposed.stops:
        parts.append(_stop(supposed.stops))
    if supposed.cuts:
        parts.append(_break(supposed.cuts))
    if proposal is not None:
        parts.append(f"this is done: {proposal.title}")
    if asked is not None:
        parts.append(_signing(asked))
    return "; ".join(parts)


def _stop(hosts: Sequence[str]) -> str:
    return f"{name_some(hosts)} {'stops' if len(hosts) == 1 else 'stop'}"


def _break(cuts: Sequence[tuple[str, str]]) -> str:
    names = name_some([":".join(link) for link in cuts])
    return f"the link {names} breaks" if len(cuts) == 1 else f"the links {names} break"
