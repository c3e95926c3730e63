"""The guard on what a host starts by the clock (ids: docs/rules/guards.md), and what a plan says of
the jobs that it leaves alone.

No job is stopped. One that starts the unit cannot while a run holds it: the assertion of the hold
fails for a timer as for a person (docs/adr/0011-hold.md), and there is nothing to restore. What no
hold covers is refused: whoever writes the sign state or the databases asks no unit, and neither
does who runs the daemon's program itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.systems.comet.jobs import Job, JobEffect, job_effect
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Unknown, value_or_none

_FORBIDDEN = (JobEffect.WRITES, JobEffect.RUNS)
_SAYS: Mapping[JobEffect, str] = {
    JobEffect.WRITES: "writes what the daemon signs or executes by",
    JobEffect.RUNS: "runs the daemon's program beside its unit",
    JobEffect.HIDDEN: "names the sign state, and does not tell what it does with it",
    JobEffect.CONTROLS: "may start, stop or restart the unit",
    JobEffect.NAMES: "names the home or the program",
}
_SHOWN = 100
"""Characters of a line."""


def nothing_by_the_clock(
    chain: ChainSituation, proposal: Proposal[ChainSituation]
) -> GuardResult | None:
    """G110: on no host where a node is started does a timer, a crontab or `at` write what the
    daemon signs or executes by, or run its program beside the unit. Not asked of an observation
    that was made before jobs were read: whoever applies its plan reads them."""
    hosts = dict.fromkeys(m.target for m in proposal.moves if m.action.name.startswith(_STARTS))
    readings = [chain.observation.host(host) for host in hosts]
    if all(reading.jobs is UNSET for reading in readings):
        return None
    found = [one for reading in readings for one in _feared(reading)]
    worst = [one for one in found if one.effect in _FORBIDDEN]
    shown = worst or found
    return guard_result(
        "G110",
        "no job of a host writes the sign state or the databases, or runs the program",
        holds=False if worst else None if found else True,
        got=name_some([one.says for one in shown], 3) or "none that does",
        expected="none that does",
        next_step=shown[0].next_step if shown else "",
    )


_STARTS = (
    "node.start",
    "node.restart",
    "node.release",
    "node.reexecute",
    "node.install",
    "node.copy",
)
"""How the names of actions begin after which a node runs."""


@dataclass(frozen=True)
class _Feared:
    """A job that is not left alone, or that the jobs of a host could not be read (no effect)."""

    effect: JobEffect | None
    says: str
    next_step: str


def _feared(reading: HostReading) -> Iterator[_Feared]:
    host, effects = reading.host, effects_of(reading)
    if effects is None:
        why = reading.jobs.reason if isinstance(reading.jobs, Unknown) else "its unit is not known"
        yield _Feared(
            None,
            f"{host}: jobs were not read: {why}",
            "`remediate diagnose` again; if it stays so, look at `systemctl list-timers` and at "
            f"the crontabs on {host} by hand",
        )
        return
    for job, effect in effects:
        if effect in (*_FORBIDDEN, JobEffect.HIDDEN):
            yield _Feared(effect, f"{host}: {_line(job)}: {_SAYS[effect]}", _stop_it(host, job))


def effects_of(reading: HostReading) -> Sequence[tuple[Job, JobEffect]] | None:
    """The jobs of a host that name its daemon, with what they do; None where they are not known."""
    unit = value_or_none(reading.unit)
    jobs = None if reading.jobs is UNSET else value_or_none(reading.jobs)
    if unit is None or jobs is None:
        return None
    state = reading.sign_state.source
    return [
        (job, job_effect(job, unit=unit.name, home=unit.home, sign_state=state)) for job in jobs
    ]


def jobs_warnings(
    chain: ChainSituation, nodes: Iterable[NodeFinding], *, held: bool
) -> tuple[str, ...]:
    """What runs by the clock on the hosts of these nodes and is left alone, a line for each job;
    `held` is whether the plan holds their units."""
    hold = "while the unit is held it cannot start it" if held else "nothing is held by this plan"
    left = {
        JobEffect.CONTROLS: hold,
        JobEffect.NAMES: "never put back what it keeps of a sign state",
    }
    found: dict[str, list[str]] = {}
    for node in nodes:
        for job, effect in effects_of(chain.observation.host(node.host)) or ():
            if effect in left:
                says = f"{_line(job)} {_SAYS[effect]}, and is left alone: {left[effect]}"
                found.setdefault(says, []).append(node.host)
    return tuple(f"{name_some(hosts)}: {says}" for says, hosts in found.items())


def _line(job: Job) -> str:
    words = job.words if len(job.words) <= _SHOWN else f"{job.words[:_SHOWN]}…"
    return f"{job.where} ({words})"


def _stop_it(host: str, job: Job) -> str:
    """How people keep a job from acting for as long as the run lasts."""
    if job.kind == "timer":
        how = f"`sudo systemctl stop {job.job}` on {host}, and start it again afterwards"
    elif job.kind == "at":
        how = f"`sudo atq` and `sudo atrm` on {host}"
    elif job.file != job.job and job.file.startswith(f"{job.job}/"):
        how = f"`sudo chmod -x {job.file}` on {host}, and +x again afterwards"
    else:
        how = f"put # before its line in {job.job} on {host}, and take that away afterwards"
    return f"find out what it is for; {how}. Then plan again"
