"""The difference between two observations: what decides first, then readings, then the rest.

It decides if a name leads elsewhere, or a class, a health or a condition is a different one. What
is merely read differently (numbers that go on, times) does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remediations.engine.diff.conclusions import DomainChange, changed_conclusions
from remediations.engine.diff.readings import ReadingChange, changed_readings
from remediations.engine.domain import AnyDomain
from remediations.engine.find.conclude import Conclusion, conclude_each
from remediations.engine.observe.observation import Observation, Scope, failed_systems
from remediations.engine.plan.compare import changed_logins
from remediations.render.formats import name_some
from remediations.values.record import Moment, Record


class Look(Record, frozen=True, kw_only=True):
    """When and how an observation was made (UTC, the clock of the machine that made it)."""

    began: Moment
    ended: Moment
    tool: str
    scope: Scope
    inventory_digest: str


class LoginChange(Record, frozen=True, kw_only=True):
    """A name that leads elsewhere, or shows other keys."""

    host: str
    before: str
    after: str


class ObservationDiff(Record, frozen=True, kw_only=True):
    """All that changed between two observations.

    `notes` say what limits the comparison: other inventories, other scopes, the wrong order.
    """

    before: Look
    after: Look
    notes: tuple[str, ...]
    domains: tuple[DomainChange, ...]
    logins: tuple[LoginChange, ...]
    readings: tuple[ReadingChange, ...]

    @property
    def decides(self) -> bool:
        """Whether anything changed that a decision depends on."""
        return bool(self.logins) or any(domain.decides for domain in self.domains)


def compare_observations(
    domains: Sequence[AnyDomain], before: Observation, after: Observation
) -> ObservationDiff:
    """What changed from `before` to `after`, as the domains conclude it.

    Raises:
        UsageError: the part that lists failed systems is malformed.
    """
    concluded = [
        conclude_each(domains, observation, failed_systems(observation))
        for observation in (before, after)
    ]
    return ObservationDiff(
        before=_look(before),
        after=_look(after),
        notes=tuple(_notes(before, after)),
        domains=changed_conclusions(*concluded),
        logins=_logins(before, after),
        readings=changed_readings(before, after, _evidence([*concluded[0], *concluded[1]])),
    )


def _look(observation: Observation) -> Look:
    return Look(
        began=observation.began,
        ended=observation.ended,
        tool=observation.tool,
        scope=observation.scope,
        inventory_digest=observation.inventory_digest,
    )


def _notes(before: Observation, after: Observation) -> Iterator[str]:
    if before.ended > after.began:
        yield "the second observation does not begin after the first one has ended"
    if before.inventory_digest != after.inventory_digest:
        yield "they were read with different inventories" + _hosts(before, after)
    if before.scope is not after.scope:
        yield f"the first has a {before.scope} scope, the second a {after.scope} one"
    if before.tool != after.tool:
        yield f"they were read by {before.tool} and {after.tool}"


def _hosts(before: Observation, after: Observation) -> str:
    """The hosts that only one of the inventories has."""
    earlier, later = ([login.host for login in one.logins] for one in (before, after))
    said = [
        f"only the {which} has {name_some(names)}"
        for which, names in (
            ("first", [host for host in earlier if host not in set(later)]),
            ("second", [host for host in later if host not in set(earlier)]),
        )
        if names
    ]
    return f": {'; '.join(said)}" if said else ", of the same hosts"


def _logins(before: Observation, after: Observation) -> tuple[LoginChange, ...]:
    """Only of hosts that both have: the notes name the others."""
    there = {login.host for login in after.logins}
    planned = [login for login in before.logins if login.host in there]
    hosts = {f"{login.host}: where its name leads": login.host for login in planned}
    return tuple(
        LoginChange(host=hosts[change.name], before=change.planned, after=change.now)
        for change in changed_logins(planned, after.logins)
    )


def _evidence(concluded: Sequence[Conclusion]) -> Iterator[str]:
    """The paths of all readings that the findings rely upon."""
    for one in concluded:
        for evidence in one.finding.evidence:
            yield evidence.reading
        for subject in one.finding.subjects:
            for evidence in subject.evidence:
                yield evidence.reading
