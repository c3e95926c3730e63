"""What is signed is seen: no field of a plan can change without a change that a reader sees.

The plan is made from its types, so a field that is added and not shown fails here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from remediations.engine.plan.grouping import TOGETHER
from remediations.engine.plan.plan import Plan, Step
from remediations.engine.plan.render_text import plan_text
from remediations.engine.report.html import plan_html
from remediations.engine.report.markdown import plan_markdown
from remediations.values.part import KIND
from remediations.values.wire import WireError, canonical, decode
from tests.hostile import Path, leaves, record_of
from tests.unit.plan.cases import DIGEST, missing, plan_of, quorum_lost
from tests.unit.render import oracle
from tests.worlds import healthy

NOT_SHOWN: frozenset[str] = frozenset()
"""Fields that need not be seen, each with its reason. There are none."""


class Words(HTMLParser):
    """The text of a page's body, as it is laid out: blanks count in `pre` and `code` alone."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.said = ""
        self._exactly = 0
        self.feed(source.partition("<body>")[2])
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._exactly += tag in ("pre", "code")
        self.said += "" if tag in ("code", "span", "strong") else "\n"

    def handle_endtag(self, tag: str) -> None:
        self._exactly -= tag in ("pre", "code")

    def handle_data(self, data: str) -> None:
        self.said += data if self._exactly else re.sub(r"\s+", " ", data)


FORMS: dict[str, Callable[[Plan], str]] = {
    "show --verbose": lambda plan: plan_text(plan, DIGEST, width=80, colour=False, verbose=True),
    "markdown": lambda plan: oracle.read(plan_markdown(plan, DIGEST)),
    "html": lambda plan: Words(plan_html(plan, DIGEST)).said,
}
"""What a reader sees. The digest is the same in all of them: it may not be what tells."""


@cache
def plan() -> Plan:
    """One in which nothing is empty and everything differs, so that nothing is shown together."""
    return record_of(Plan, lambda number: f"word{number}", several=2)


@cache
def like_programs() -> Plan:
    """Four hosts in one stage with one program and values of their own."""
    made = plan_of(missing(healthy((10,) * 8), *(f"val{i}" for i in range(1, 5))))
    assert len(made.stages[0].steps) == TOGETHER
    return made


def changed(value: object) -> Iterator[object]:
    """The same, but for something."""
    match value:
        case StrEnum():
            members = list(type(value))
            yield members[(members.index(value) + 1) % len(members)]
        case str() if KIND.fullmatch(value):
            yield f"{value}0"
        case str():
            yield f"{value}x"
        case bool():
            yield not value
        case int():
            yield value + 1
        case datetime():
            yield value + timedelta(microseconds=1)
        case tuple():
            yield value[:-1]
            yield (*value, *value[-1:])
        case list():
            yield value[:-1]
            yield [*value, *value[-1:]]
        case None:
            pass
        case _:
            raise TypeError(f"how a {type(value).__name__} changes is not known here")


def put(whole: object, path: Path, value: object) -> object:
    """`whole` with another value at the end of the path."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(whole, dict):
        return {**whole, step: put(whole[step], rest, value)}
    if isinstance(whole, list):
        return [put(item, rest, value) if n == step else item for n, item in enumerate(whole)]
    if isinstance(step, str):
        return replace(whole, **{step: put(getattr(whole, step), rest, value)})  # type: ignore[type-var]  # a record, by its fields
    assert isinstance(whole, tuple)
    return (*whole[:step], put(whole[step], rest, value), *whole[step + 1 :])


def can_be_read(mutant: Plan) -> bool:
    """A tuple of a fixed length cannot have another one; its items are changed one by one."""
    try:
        return decode(canonical(mutant), Plan) == mutant
    except WireError:
        return False


def unseen(whole: Plan, show: Callable[[Plan], str], paths: Callable[[Path], bool]) -> set[str]:
    """The fields whose change no reader sees."""
    before, found = show(whole), set()
    for path, value in leaves(whole):
        for other in changed(value) if paths(path) else ():
            try:
                mutant = put(whole, path, other)
            except ValueError:  # it cannot be made, nor read
                continue
            assert isinstance(mutant, Plan)
            if mutant != whole and can_be_read(mutant) and show(mutant) == before:
                found.add(".".join(map(str, path)))
    return found


@pytest.mark.parametrize("form", list(FORMS))
def test_every_field_is_seen(form: str) -> None:
    """Each value and each sequence of the plan, changed in turn: another text is read. The first
    element of a sequence stands for the others, which are made alike."""
    first = {0}
    found = unseen(
        plan(), FORMS[form], lambda path: {n for n in path if isinstance(n, int)} <= first
    )
    assert found - NOT_SHOWN == set()


@pytest.mark.parametrize("form", list(FORMS))
def test_every_field_is_seen_where_hosts_share_a_program(form: str) -> None:
    """What is said once for many hosts hides nothing of any one of them."""
    whole = like_programs()
    steps_alone = replace(
        whole,
        finding=replace(whole.finding, subjects=(), tables=(), evidence=()),
        **dict.fromkeys(("facts", "guards", "baseline", "logins"), ()),
    )
    found = unseen(steps_alone, FORMS[form], lambda path: path[:3] == ("stages", 0, "steps"))
    assert found - NOT_SHOWN == set()


@pytest.mark.parametrize("form", list(FORMS))
def test_order_of_one_host_is_seen(form: str) -> None:
    """Four hosts run two programs each; that one of them runs the second one first is seen."""
    looks = {FORMS[form](two_steps(odd)) for odd in (None, *range(TOGETHER))}
    assert len(looks) == 1 + TOGETHER


def two_steps(odd: int | None) -> Plan:
    """Two programs on each of four hosts, the other way round on one of them."""
    whole = like_programs()
    stage = whole.stages[0]
    commands: list[Step] = []
    for number, first in enumerate(stage.steps):
        second = replace(first, operation="node.second", payload=f"{first.payload}true\n")
        commands += [second, first] if number == odd else [first, second]
    return replace(whole, stages=(replace(stage, steps=tuple(commands)), *whole.stages[1:]))


def test_nothing_is_only_on_the_list_of_exceptions() -> None:
    """An exception that is not needed any more is removed."""
    assert {name.partition(".")[0] for name in NOT_SHOWN} <= set(Plan.__struct_fields__)


TEXTS = [
    "a b\n",
    "a  b\n",
    "a\tb\n",
    "a b \n",
    "a b",
    "a b\n\n",
    " a b\n",
    "a\nb\n",
    "a\rb\n",
    "a\x0bb\n",
    "a\x85b\n",
    "a\u2028b\n",
    "a\xa0b\n",
    "a\u200b b\n",
    "\u0430 b\n",
    "a\\u{200b} b\n",
    "a\\u{5c}u{200b} b\n",
    "x" * 70 + " " + "y" * 70 + "\n",
    "x" * 70 + "  " + "y" * 70 + "\n",
    "x" * 70 + "\n" + "y" * 70 + "\n",
    "x" * 70 + " \n" + "y" * 70 + "\n",
    "x" + " " * 100 + "y\n",
    "x" + " " * 101 + "y\n",
    "# x" * 30 + "\n",
    "",
    "\n",
]


@pytest.mark.parametrize("form", list(FORMS))
def test_two_programs_never_look_the_same(form: str) -> None:
    """Blanks, tabs, wrapped rows, strange line breaks, look-alikes: each text has its own look."""
    looks = [FORMS[form](with_texts(plan_of(quorum_lost()), (text,))) for text in TEXTS]
    assert len(set(looks)) == len(TEXTS)


def with_texts(whole: Plan, texts: tuple[str, ...]) -> Plan:
    """The plan with other programs in its first stage."""
    stage = whole.stages[0]
    commands = tuple(
        replace(command, payload=text) for command, text in zip(stage.steps, texts, strict=True)
    )
    return replace(whole, stages=(replace(stage, steps=commands), *whole.stages[1:]))


def first_screens(whole: Plan) -> str:
    """What is shown unless more is asked for."""
    return plan_text(whole, DIGEST, width=80, colour=False)


TWINS: dict[str, Callable[[Step], Step]] = {
    "a later line": lambda c: replace(
        c, payload=c.payload.replace("systemctl", "reboot; systemctl")
    ),
    "an earlier line": lambda c: replace(c, payload=c.payload.replace("set -u", "set +u")),
    "a second value of one name": lambda c: replace(
        c, payload=c.payload.replace("unit=", "unit=evil.service\nunit=")
    ),
    "more than a value in a line": lambda c: replace(
        c, payload=c.payload.replace("home=", "home=/x; home=")
    ),
    "two values in a line": lambda c: replace(c, payload=c.payload.replace("\nhome=", " home=")),
    "a command in a value": lambda c: replace(c, payload=c.payload.replace("home=", "home=$(id)")),
    "the order of values": lambda c: replace(
        c,
        payload=c.payload.replace(
            "unit=virtengine.service\nuser=virtengine", "user=virtengine\nunit=virtengine.service"
        ),
    ),
    "a line feed at the end": lambda c: replace(c, payload=c.payload.rstrip("\n")),
    "the time limit": lambda c: replace(c, timeout_s=1),
    "the probe": lambda c: replace(c, probe=("id > /root/x; true",)),
    "the undoing": lambda c: replace(c, undo="none"),
    "the operation": lambda c: replace(c, operation="node.evil"),
}


@pytest.mark.parametrize("form", [*FORMS, "show"])
@pytest.mark.parametrize("twin", list(TWINS))
def test_a_twin_is_not_taken_for_its_like(twin: str, form: str) -> None:
    """The last of four hosts differs in one thing from the three that it would be shown with."""
    whole = like_programs()
    stage = whole.stages[0]
    *others, last = stage.steps
    other = TWINS[twin](last)
    assert other != last
    mutant = replace(whole, stages=(replace(stage, steps=(*others, other)),))
    show = FORMS.get(form, first_screens)
    if form == "show" and twin == "the probe":
        return  # the first screens show no probe of anybody, and say where it is
    assert show(mutant) != show(whole)


def test_guards_that_say_different_things_are_different_rows() -> None:
    """Many hosts share a row only where every word of it is said of each."""
    whole = like_programs()
    guards = [guard for guard in whole.guards if guard.id == "G45"]
    for field in ("title", "got", "expected", "next_step", "facts"):
        value = ("evil",) if field == "facts" else "evil"
        mutants = [replace(g, **{field: value}) if g is guards[-1] else g for g in whole.guards]
        mutant = replace(whole, guards=tuple(mutants))
        for show in FORMS.values():
            assert "evil" in show(mutant)


def test_names_that_contain_each_other_are_kept_apart() -> None:
    """Advice for val1 that speaks of val10 is not taken for advice that speaks of itself."""
    whole = like_programs()
    guard = next(guard for guard in whole.guards if guard.subject)
    pair = (
        replace(guard, subject="val1", next_step="restart val10 and HOST"),
        replace(guard, subject="val10", next_step="restart val10 and HOST"),
        replace(guard, subject="val1", next_step="restart val1 and val1"),
    )
    said = FORMS["markdown"](replace(whole, guards=pair))
    assert said.count("restart val10 and HOST") == 2
    assert said.count("restart val1 and val1") == 1
