"""What people choose for a plan: read once, shown, signed, and used again by whoever applies it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as with_fields

from remediations.cli.commands.plan import command
from remediations.engine.approve.approval import consequences_text
from remediations.engine.catalogue import catalogue
from remediations.engine.domain import Input
from remediations.engine.entry_points import domain_flaw
from remediations.engine.plan.inputs import parse_inputs
from remediations.engine.plan.plan import ChosenInput, Plan, plan_digest, words_to_plan
from remediations.engine.plan.plan_file import read_plan
from remediations.engine.plan.recheck import check_derivation, recheck, recheck_untouched
from remediations.engine.plan.render_text import plan_screen, plan_text
from remediations.engine.report.html import plan_html
from remediations.engine.report.markdown import plan_markdown
from remediations.engine.runs.history import UnprovenRun
from remediations.engine.runs.records import RunState
from remediations.errors import Refused, UsageError, WorldChanged
from remediations.machine.config import MachineConfig
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.plan.cases import DIGEST, minority_down, quorum_lost
from tests.unit.plan.choices import (
    CHOOSING,
    PLAYBOOK,
    TAKES,
    TAKES_NONE,
    TO_HEIGHT,
    WORD,
    choosing,
    chosen_plan,
)

WORLD = quorum_lost()
CHOSEN = {"to-height": "100"}
PLAN = chosen_plan(WORLD, CHOSEN)
HEIGHT = ChosenInput(name="to-height", value="100")


def test_choice_reaches_what_is_proposed_and_the_facts() -> None:
    """The plan has it by name, and whatever the domain made of it."""
    assert PLAN.inputs == (HEIGHT,)
    assert PLAN.title.endswith("back to 100")
    assert {f.name: f.value for f in PLAN.facts}["people.to-height"] == "100"
    assert not PLAN.blocked


def test_other_choice_is_another_plan() -> None:
    """By its digest, and in every word."""
    other = chosen_plan(WORLD, {"to-height": "99"})
    assert len({plan_digest(plan) for plan in (PLAN, other, chosen_plan(WORLD))}) == 3


def test_plan_without_a_choice_does_not_mention_any(tmp_path: Path) -> None:
    """It has one form: with an empty list it was edited."""
    bare = canonical(chosen_plan(WORLD))
    assert b'"inputs"' not in bare
    for name, data in (("bare", bare), ("chosen", canonical(PLAN))):
        file = tmp_path / name
        file.write_bytes(data)
        file.chmod(0o600)
        assert canonical(read_plan(file)) == data
    edited = tmp_path / "edited"
    edited.write_bytes(bare.replace(b'"inventory_digest"', b'"inputs":[],"inventory_digest"'))
    edited.chmod(0o600)
    with pytest.raises(UsageError, match="cannot be used"):
        read_plan(edited)


SHOWN: dict[str, Callable[[Plan], str]] = {
    "plan": lambda plan: plan_text(plan, DIGEST, width=80, colour=False),
    "show --verbose": lambda plan: plan_text(plan, DIGEST, width=80, colour=False, verbose=True),
    "approve": lambda plan: plan_screen(plan, DIGEST, width=80, colour=False),
    "approve --yes": consequences_text,
    "markdown": lambda plan: plan_markdown(plan, DIGEST),
    "html": lambda plan: plan_html(plan, DIGEST),
}


@pytest.mark.parametrize("form", SHOWN)
def test_choice_is_shown_where_a_plan_is_read(form: str) -> None:
    """As it was typed, in every form; and nothing where nobody chose."""
    row = re.compile("chosen.*--to-height.*100", re.IGNORECASE)
    assert len(row.findall(SHOWN[form](PLAN))) == 1
    assert "--to-height" not in SHOWN[form](chosen_plan(WORLD))


def test_choices_are_in_the_order_of_the_branch() -> None:
    """However they were typed: the same choices give the same bytes."""
    one = chosen_plan(WORLD, {"to-height": "100", "word": "x"})
    other = chosen_plan(WORLD, {"word": "x", "to-height": "100"})
    assert [chosen.name for chosen in one.inputs] == ["word", "to-height"]
    assert one.inputs == other.inputs


def test_plan_is_made_again_with_its_own_choices() -> None:
    """From its observation, and from what is read when it is applied or resumed."""
    check_derivation(PLAN, sealed(WORLD), choosing())
    recheck(PLAN, sealed(WORLD), choosing())
    assert recheck_untouched(PLAN, sealed(WORLD), choosing(), PLAN.targets)


EDITS = {
    "another value": (ChosenInput(name="to-height", value="99"),),
    "no choice": (),
    "one more": (ChosenInput(name="word", value="x"), HEIGHT),
    "another order": (HEIGHT, ChosenInput(name="word", value="x")),
    "twice": (HEIGHT, HEIGHT),
    "another form": (ChosenInput(name="to-height", value="0100"),),
    "not a height": (ChosenInput(name="to-height", value="x"),),
    "of no branch": (HEIGHT, ChosenInput(name="depth", value="1")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_choice_is_refused_as_any_edit(edit: str) -> None:
    """However well it is signed, since the plan is made again with it."""
    edited = with_fields(PLAN, inputs=EDITS[edit])
    with pytest.raises(Refused, match="not what its own observation gives"):
        check_derivation(edited, sealed(WORLD), choosing())
    with pytest.raises((Refused, WorldChanged)):
        recheck(edited, sealed(WORLD), choosing())


@pytest.mark.parametrize(
    ("typed", "what", "expected"),
    [
        ({"to-height": ["x"]}, "--to-height cannot be used", "HEIGHT: a height, as digits"),
        ({"to-height": [""]}, "--to-height cannot be used", "HEIGHT: a height, as digits"),
        ({"to-height": ["1", "1"]}, "--to-height cannot be used", "HEIGHT: it is given once"),
        ({"depth": ["1"]}, "INC-001 takes no --depth", "--word WORD, --to-height HEIGHT"),
    ],
)
def test_wrong_choice_is_one_clear_error(
    typed: dict[str, list[str]], what: str, expected: str
) -> None:
    """With what the playbook takes in its place."""
    with pytest.raises(UsageError) as error:
        parse_inputs(PLAYBOOK, typed)
    assert (error.value.what, error.value.expected) == (what, expected)


def test_one_choice_has_one_text() -> None:
    assert parse_inputs(PLAYBOOK, {"to-height": ["0100"]}) == CHOSEN
    assert parse_inputs(PLAYBOOK, {}) == {}


def test_playbook_without_inputs_says_so() -> None:
    node_down = CHOOSING.playbooks[1]
    without = replace(node_down, branches=tuple(b for b in node_down.branches if not b.inputs))
    with pytest.raises(UsageError, match="node-down takes no --to-height") as error:
        parse_inputs(without, {"to-height": ["1"]})
    assert error.value.expected.startswith("none")


@pytest.mark.parametrize("branch", [None, TAKES_NONE])
def test_choice_that_the_branch_does_not_use_is_refused(branch: str | None) -> None:
    """Whether it was picked or named; the error says which branch takes it."""
    with pytest.raises(UsageError, match=f"the branch {TAKES_NONE} takes no --to-height") as error:
        chosen_plan(minority_down(), CHOSEN, branch)
    assert TAKES in error.value.expected
    assert error.value.next_step.endswith(f"--branch {TAKES} --to-height 100`")


def test_same_actions_with_another_choice_are_not_the_same() -> None:
    """So nobody is warned of repeating what failed."""
    steps = tuple((step.target, step.action) for step in PLAN.steps)
    past = UnprovenRun(
        run="r",
        playbook=PLAN.playbook,
        branch=PLAN.branch,
        inputs=PLAN.inputs,
        state=RunState.STOPPED,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        message="",
        steps=steps,
    )
    assert past.did_the_same_as(PLAN)
    assert not past.did_the_same_as(chosen_plan(WORLD, {"to-height": "99"}))


def test_next_plan_is_asked_for_with_the_same_choices() -> None:
    """In words that a shell takes as they are."""
    plan = chosen_plan(WORLD, {"word": "two words", "to-height": "100"})
    assert words_to_plan(plan) == ("plan", "INC-001", "--word", "'two words'", "--to-height", "100")


NOT_A_FUNCTION: Any = "digits"


def _taking(*inputs: Any) -> Any:  # noqa: ANN401 - whatever a package brings
    branches = tuple(replace(branch, inputs=inputs) for branch in PLAYBOOK.branches)
    return replace(CHOOSING, playbooks=(replace(PLAYBOOK, branches=branches),))


@pytest.mark.parametrize(
    ("domain", "flaw"),
    [
        (_taking("to-height"), "not a tuple of inputs"),
        (_taking(replace(WORD, name="Two Words")), "not a tuple of inputs"),
        (_taking(replace(WORD, name="--word")), "not a tuple of inputs"),
        (_taking(replace(WORD, help="two\nlines")), "not a tuple of inputs"),
        (_taking(Input(name="word", metavar="W", help="", parse=NOT_A_FUNCTION)), "not a tuple"),
        (_taking(WORD, Input(name="word", metavar="W", help="", parse=str)), "the same name"),
        (replace(CHOOSING, with_inputs=None), "cannot be given any"),
    ],
)
def test_domain_with_unusable_inputs_is_not_used(
    domain: Any,  # noqa: ANN401 - whatever a package brings
    flaw: str,
) -> None:
    assert domain_flaw(CHOOSING) == ""
    assert flaw in domain_flaw(domain)


def test_branches_may_share_an_input() -> None:
    """It is one option, named once."""
    shared = _taking(TO_HEIGHT)
    assert domain_flaw(shared) == ""
    assert shared.playbooks[0].inputs == (TO_HEIGHT,)


def test_no_installed_input_is_named_as_an_option_of_plan() -> None:
    """Such an input could never be given."""
    options = {name for parameter in command.params for name in parameter.opts}
    books = [each.playbook for each in catalogue(MachineConfig()).playbooks]
    assert {f"--{one.name}" for book in books for one in book.inputs} & options == set()
