"""A spoilt observation or plan that is still read meets everything after: conclusions, or errors.

`load_observation` and `read_plan` refuse what is not a document; what they let through may still
say anything.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.find.render_text import finding_text
from remediations.engine.observe.observation import load_observation
from remediations.engine.plan.grouping import assigned_values
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import read_plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.render_text import plan_text
from remediations.engine.report.html import plan_html
from remediations.engine.report.markdown import plan_markdown
from remediations.errors import RemediationError
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import ChainFinding
from remediations.playbooks.chain.present import present
from remediations.systems.comet.reading import CometReading, comet_reading, sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.values.reading import Known
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.allowed import raises_only
from tests.property.mutations import edited, examples, spoilt
from tests.unit.plan.cases import maker, maker_of, minority_down, plan_of, quorum_lost

PLAYBOOKS = ("INC-001", "node-down")
STEERING = frozenset(map(chr, (*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x202E, 0x2066)))
widths = st.sampled_from((40, 80, 300))


@cache
def observations() -> tuple[bytes, ...]:
    """Worlds in which every guard passes, and some in which a person has to act."""
    healthy = worlds.healthy()
    found = (
        quorum_lost(),
        minority_down(),
        healthy,
        worlds.zombie(healthy, "val2"),
        worlds.split(healthy, ("val1", "val2"), ("val3", "val4")),
        worlds.partitioned(healthy, ("val1", "val4")),
        worlds.frozen(worlds.disabled(healthy, "val1"), "val3"),
    )
    return tuple(canonical(sealed(world)) for world in found)


@cache
def plans() -> tuple[bytes, ...]:
    """A plan with one stage, and one that a guard blocks."""
    blocked = plan_of(worlds.disabled(quorum_lost(), "val1"))
    return canonical(plan_of(quorum_lost())), canonical(blocked)


def mostly_read(documents: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Any of them, spoilt so that many are still read."""
    one = st.sampled_from(documents)
    return one.flatmap(lambda whole: spoilt(whole, 2) | edited(whole) | edited(whole, 8))


def loaded(data: bytes) -> CometReading | None:
    """As `--from` reads it; None where it is refused."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "o.json"
        path.write_bytes(data)
        with raises_only(RemediationError):
            return comet_reading(load_observation(path))
    return None


def reread(data: bytes) -> Plan | None:
    """As `show` reads it; None where it is refused."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "p.json"
        path.write_bytes(data)
        with raises_only(RemediationError):
            return read_plan(path)
    return None


def shown(plan: Plan, width: int) -> None:
    """All forms of it; nothing in them steers a terminal or turns the reading direction."""
    digest = plan_digest(plan)
    for form in (
        plan_text(plan, digest, width=width, colour=False),
        plan_text(plan, digest, width=width, colour=False, verbose=True),
        plan_markdown(plan, digest),
        plan_html(plan, digest),
    ):
        assert STEERING.isdisjoint(form)
    plan_text(plan, digest, width=width, colour=True)


@given(mostly_read(observations()), st.sampled_from(PLAYBOOKS), widths)
@examples(80)
def test_what_is_loaded_is_diagnosed_and_planned(data: bytes, playbook: str, width: int) -> None:
    """Whatever it says: a finding, and a plan or a documented refusal, all of which can be shown
    and saved."""
    observation = loaded(data)
    if observation is None:
        return
    finding = diagnose(observation)
    assert decode(canonical(finding), ChainFinding) == finding
    people = finding_text(present(finding), width=width, colour=False, verbose=True)
    assert STEERING.isdisjoint(people)
    try:
        plan = make_plan(maker(playbook=playbook), None, sealed(observation), frozenset())
    except RemediationError:
        return
    assert decode(canonical(plan), Plan) == plan
    shown(plan, width)


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    """One for all: it starts two processes."""
    with Compiler() as compiler:
        yield compiler


NAMES = st.sampled_from(
    ("", "\x00", "\x1b[2J", "a'b", "$(reboot)", "-x", "é\u202e", "a\nb", "/", "..")
)


@given(
    unit=st.just("virtengine.service") | NAMES,
    home=st.just(worlds.HOME) | NAMES | st.text(max_size=12).map(lambda text: f"/{text}"),
    user=st.just("virtengine") | NAMES,
)
@examples(30)
def test_any_names_compile_to_themselves_or_are_refused(
    compiler: Compiler, unit: str, home: str, user: str
) -> None:
    """Unit, home and user reach commands that run as root: what the shell is given is the name."""
    world = quorum_lost()
    reading = world.host("val1").unit
    assert isinstance(reading, Known)
    odd = worlds.known(replace(reading.value, name=unit, home=home, user=user))
    world = worlds.change(world, "val1", lambda r: replace(r, unit=odd))
    try:
        plan = make_plan(maker_of(compiler), None, sealed(world), frozenset())
    except RemediationError:
        return
    assert decode(canonical(plan), Plan) == plan
    for step in plan.steps:
        given_names = assigned_values(step)
        assert shlex.split(given_names["unit"]) == [unit]
        assert shlex.split(given_names["home"]) == [home]


def without_text() -> bytes:
    """A plan whose one command is empty."""
    plan = plan_of(quorum_lost())
    stage = plan.stages[0]
    steps = tuple(replace(step, payload="") for step in stage.steps)
    return canonical(replace(plan, stages=(replace(stage, steps=steps),)))


def steering() -> bytes:
    """A plan whose title clears the screen and turns the direction of what follows."""
    return canonical(replace(plan_of(quorum_lost()), title="\x1b[2J\x9b2J\u202egood"))


@given(mostly_read(plans()), widths)
@example(without_text(), 80)
@example(steering(), 80)
@examples(80)
def test_what_is_a_plan_is_shown(data: bytes, width: int) -> None:
    """In every form, whatever it says."""
    plan = reread(data)
    if plan is not None:
        shown(plan, width)
