"""What acting on a service does to the power that scores and votes. Pure.

A validator whose service is away answers a request with a stub, or with none: it may write another
state than the others. So while its service is restarted its power counts as absent from the votes,
too (docs/rules/hazards.md#another-score).
"""

from __future__ import annotations

from remediations.engine.plan.impact import Effect, Level
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.impact import POWER as CHAIN_POWER
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.systems.comet.quorum import has_quorum

POWER = "scoring power"
"""The power behind the agreed answers."""
VOTING = CHAIN_POWER
"""The chain's own measure."""


def levels(scoring: ScoringSituation) -> tuple[Level, ...]:
    """The power behind the agreed answers, and that which votes: where it is a quorum it must stay
    one. Nothing is counted where no powers are known."""
    finding, total = scoring.finding, scoring.finding.total_power
    if not total or scoring.chain is None:
        return ()
    chain = scoring.chain.finding
    agreeing = sum(one.power for one in finding.agreeing)
    quorum = 2 * total // 3 + 1
    votes = has_quorum(chain.online_power, total) and chain.halted is not Tristate.YES
    return (
        Level(
            measure=POWER,
            now=agreeing,
            total=total,
            floor=quorum if has_quorum(agreeing, total) else 0,
        ),
        Level(measure=VOTING, now=chain.online_power, total=total, floor=quorum if votes else 0),
    )


def restart_effect(scoring: ScoringSituation, host: str) -> tuple[Effect, ...]:
    """The effect of a restart of the service, after which it agrees."""
    if scoring.chain is None or not scoring.finding.total_power:
        return ()
    one = scoring.finding.scorer(host)
    agrees = one in scoring.finding.agreeing
    votes = one.power if host in scoring.chain.voting else 0
    return (
        Effect(POWER, one.power if agrees else 0, 0, one.power),
        Effect(VOTING, votes, 0, votes),
    )


def no_effect(_scoring: ScoringSituation, _host: str) -> tuple[Effect, ...]:
    """The effect of what leaves the service alone."""
    return ()


def smallest_first(scoring: ScoringSituation, hosts: list[str]) -> tuple[str, ...]:
    """The order in which services are acted on: smallest power first, by name among equals."""
    power = {one.host: one.power for one in scoring.finding.scorers}
    return tuple(sorted(hosts, key=lambda host: (power[host], host)))
