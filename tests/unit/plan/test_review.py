"""A plan for a pull request: what matters first, within the limit, and nothing that runs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.plan.change import change_digest
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.review import REVIEW_LIMIT, review_markdown
from tests.hostile import each_hostile, of, record_of
from tests.unit.plan.cases import DIGEST, missing, plan_of, quorum_lost, wrong_clock
from tests.unit.render import oracle
from tests.worlds import healthy

OURS = re.compile(
    r"<details><summary>Stage \d+: \d+ steps?</summary>\n|</details>\n?|<details><summary>"
    r"(?:<code>)?[^<>]*(?:</code>)?</summary>\n"
)


def review(plan: Plan) -> str:
    return review_markdown(plan, plan_digest(plan), change_digest(plan))


def check_harmless(source: str) -> None:
    """As a strict parser reads it: no HTML but what folds, no link, no picture, nothing live."""
    for token in oracle.tokens(source):
        if token.type in ("html_block", "html_inline"):
            assert OURS.fullmatch(token.content), token.content
        assert token.type not in ("link_open", "image"), token
    outside = re.sub(r"</?(?:details|summary|code)>", "", source)
    assert oracle.live(outside) == []


def test_what_a_reviewer_needs_is_there() -> None:
    """Title, why, power at each stage, how to sign, the exact bytes, checks; in this order."""
    plan = plan_of(quorum_lost())
    source = review(plan)
    words = (
        "# start 1 missing validator",
        plan_digest(plan),
        change_digest(plan),
        "## Why",
        "**QUORUM-LOST**",
        "voting power: 60 → at worst 60 → 100 of 100",
        "remediate approve run.tar --key KEY --out approval.json",
        "<details><summary>Stage 1: 1 step</summary>",
        plan.steps[0].payload.rstrip("\n"),
        "</details>",
        "## Checks afterwards",
        "`P1`",
        "## Guards: 25 of 25 pass",
    )
    places = [source.index(word) for word in words]
    assert places == sorted(places)
    check_harmless(source)


def test_what_does_not_pass_comes_first() -> None:
    """Before anything else; and nobody is told to sign it."""
    source = review(plan_of(wrong_clock(quorum_lost(), "val1")))
    assert source.index("`G37`") < source.index("| Playbook |")
    assert "refuses it: G37" in source
    assert "How to sign" not in source
    check_harmless(source)


@pytest.mark.parametrize("down", [40, 100])
def test_a_hundred_hosts_fit(down: int) -> None:
    """With one program for all of them; and where each has one of its own, it is said what is left
    out, and the rest is whole."""
    hosts = [f"val{n}" for n in range(1, down + 1)]
    plan = plan_of(missing(healthy((10,) * 101), *hosts))
    source = review(plan)
    assert len(source) < REVIEW_LIMIT
    assert len(plan.targets) == down
    check_harmless(source)
    (stage, *_) = plan.stages
    steps = tuple(
        replace(step, payload=f"{step.payload}# {step.target} {'x' * 2000}\n")
        for step in stage.steps
    )
    own = replace(plan, stages=(replace(stage, steps=steps),))
    source = review(own)
    assert 40_000 < len(source) < REVIEW_LIMIT
    shown = [step for step in steps if f"# {step.target} " in source]
    assert f"no room here for {down - len(shown)} more programs" in source
    assert all(step.payload in source for step in shown)
    many = replace(plan, stages=tuple(replace(stage, number=n) for n in range(1, 101)))
    source = review(many)
    assert len(source) < REVIEW_LIMIT
    assert "| 100 |" in source
    assert "more stages" in source


@each_hostile
def test_no_value_is_markup(text: str) -> None:
    """Wherever it stands."""
    source = review_markdown(record_of(Plan, of(text)), DIGEST, DIGEST)
    assert len(source) < REVIEW_LIMIT
    check_harmless(source)


@given(st.text(st.sampled_from("a \\`*_<>[]()!#@&|$:-\n\"'\u202e/"), max_size=25), st.booleans())
@settings(max_examples=25)
def test_neither_is_any_other(text: str, long: bool) -> None:
    """Made of what renderers act on; also where it is longer than all that there is room for."""
    source = review(record_of(Plan, of(text * 80 if long else text), several=2))
    assert len(source) < REVIEW_LIMIT
    check_harmless(source)


def test_the_largest_of_everything_fits() -> None:
    """Six of each in each, every text of a thousand characters that take nine each."""
    source = review(record_of(Plan, of("\u202e" * 1000), several=6))
    assert len(source) < REVIEW_LIMIT
    check_harmless(source)
