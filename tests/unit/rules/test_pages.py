"""The pages of rules hold what the program can say, all of it, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from remediations.engine.find.conclude import FAILED, UNREAD
from remediations.engine.rules.book import (
    PAGES,
    RuleEntry,
    RuleKind,
    find_rules,
    parse_rules,
    rule_entries,
)
from remediations.engine.rules.domain_rules import domain_rules
from remediations.engine.runs.records import RunState, StepState
from remediations.errors import ExitCode
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.restart import CHECKS
from remediations.playbooks.keys.checks.titles import CHECKS as KEYS_CHECKS
from remediations.playbooks.keys.checks.titles import (
    READER_CHECKS,
    SESSION_CHECKS,
    STORE_CHECKS,
)
from remediations.playbooks.keys.conditions import KeyCondition
from remediations.playbooks.keys.domain import DOMAIN as KEYS
from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import PodAnswer, ScorerCondition
from remediations.playbooks.service.checks.titles import CHECKS as WORKLOAD_CHECKS
from remediations.playbooks.service.checks.titles import DRAIN_CHECKS, SCORE_CHECKS, STUCK_CHECKS
from remediations.playbooks.service.conditions import WorkloadCondition
from remediations.playbooks.service.domain import DOMAIN as SERVICE
from remediations.playbooks.service.nodes import NodeVerdict

ROOT = Path(__file__).resolve().parents[3]
RULE = re.compile(r"(?:G[0-9]{1,3}|(?:VP|[WNPIV])[0-9]{1,2})b?")
CITED = re.compile(r"(?<![\w-])((?:G[0-9]{1,3}|(?:VP|[WNPIXV])[0-9]{1,2})b?)(?![\w-])")
LINK = re.compile(r"\[([^\]]+)\]\(([a-z-]+\.md)?#([\w-]+)\)")
ASKED = {
    RuleKind.GUARD: ("says", "why", "do", "unknown"),
    RuleKind.CHECK: ("says", "compares with", "fails when", "why", "do", "unknown"),
    RuleKind.CLASS: ("says", "why", "do"),
    RuleKind.CONDITION: ("says", "why", "do"),
    RuleKind.HAZARD: ("says", "why", "do"),
    RuleKind.STATE: ("says", "do"),
    RuleKind.EXIT_CODE: ("says", "changed"),
}
SERVICE_CHECKS = {**WORKLOAD_CHECKS, **SCORE_CHECKS, **DRAIN_CHECKS, **STUCK_CHECKS}
SHARED_TITLE = {"G19", "G20"}
"""One function judges both and says one title; each entry has its own part of it."""


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of every module and program of the package, and of every deploy."""
    for room in ("remediations", "deploys"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".py", ".sh") and "shipped" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


@cache
def modules() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(text) for name, text in sources() if name.endswith(".py"))


def said() -> set[str]:
    """Ids that the code can print: whole string literals."""
    return {
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and RULE.fullmatch(node.value)
    }


def _is_a_guard(call: ast.Call) -> bool:
    """`judged(ID, TITLE, holds=…)`; the engine has another function of that name."""
    named = {keyword.arg for keyword in call.keywords}
    return getattr(call.func, "id", "") == "guard_result" and "holds" in named


def _texts(nodes: Iterable[ast.AST]) -> dict[str, object]:
    """Name → the constant that is assigned to it."""
    return {
        node.targets[0].id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def titles() -> dict[str, str]:
    """Guard → the title that a plan shows."""
    found = {}
    for module in modules():
        shared = _texts(module.body)
        for function in ast.walk(module):
            if not isinstance(function, ast.FunctionDef):
                continue
            local = shared | _texts(ast.walk(function))
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _is_a_guard(node):
                    guard, title = node.args[:2]
                    assert isinstance(guard, ast.Constant)
                    text = (
                        title.value
                        if isinstance(title, ast.Constant)
                        else local[ast.unparse(title)]
                    )
                    found[str(guard.value)] = str(text)
    return found


OF_SERVICE = domain_rules([SERVICE])
"""The pages that the domain `service` brings itself."""


OF_KEYS = domain_rules([KEYS])
"""Those of the domain `keys`."""


def of(*kinds: RuleKind) -> list[RuleEntry]:
    return [entry for entry in rule_entries() if entry.kind in kinds]


def ids(*kinds: RuleKind) -> set[str]:
    return {entry.id for entry in of(*kinds)}


def test_every_guard_and_check_has_an_entry() -> None:
    """What the code can print can be explained."""
    assert len(said()) > 35
    assert said() <= ids(RuleKind.GUARD, RuleKind.CHECK)


def test_every_entry_of_a_guard_or_check_is_in_the_code() -> None:
    """Nothing is explained that no code knows."""
    cited = {rule for _, text in sources() for rule in CITED.findall(text)}
    assert ids(RuleKind.GUARD, RuleKind.CHECK) <= cited


def test_every_rule_that_code_cites_has_an_entry() -> None:
    """In a comment, too: an id of some other document means nothing here."""
    cited = {(name, rule) for name, text in sources() for rule in CITED.findall(text)}
    known = ids(RuleKind.GUARD, RuleKind.CHECK)
    assert {(name, rule) for name, rule in cited if rule not in known} == set()


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (RuleKind.CLASS, [*ChainClass, *ScoringClass, FAILED, UNREAD]),
        (RuleKind.CONDITION, [*NodeCondition, *ScorerCondition, *PodAnswer]),
        (RuleKind.STATE, [*RunState, *StepState]),
        (RuleKind.EXIT_CODE, [int(code) for code in ExitCode]),
    ],
    ids=["classes", "conditions", "states", "exit codes"],
)
def test_every_value_has_an_entry_and_every_entry_a_value(
    kind: RuleKind, known: list[object]
) -> None:
    """Class, condition, state and exit code: exactly those that there are."""
    assert ids(kind) == {str(value) for value in known}


def test_every_hazard_is_cited_by_code() -> None:
    """A hazard is here because some code keeps people out of it."""
    everything = "\n".join(text for _, text in sources())
    pages = {entry.page for entry in of(RuleKind.HAZARD)}
    assert {
        page for page in pages if not re.search(rf"{re.escape(page)}(?![\w-])", everything)
    } == set()


def test_titles_are_those_on_the_screens() -> None:
    """The same guard or check has the same title in a plan, in the checks, and here."""
    shown = {check.id: check.title for check in CHECKS}
    shown |= {guard: title for guard, title in titles().items() if guard not in SHARED_TITLE}
    shown |= {**SERVICE_CHECKS, **KEYS_CHECKS, **STORE_CHECKS, **SESSION_CHECKS, **READER_CHECKS}
    entries = (*of(RuleKind.GUARD, RuleKind.CHECK), *OF_SERVICE, *OF_KEYS)
    told = {entry.id: entry.title for entry in entries}
    assert len(shown) > 35
    assert {rule: (title, told[rule]) for rule, title in shown.items() if told[rule] != title} == {}


def test_the_service_explains_all_that_it_says() -> None:
    """Its guards, checks, verdicts and conditions: exactly those that there are."""
    told = {kind: {entry.id for entry in OF_SERVICE if entry.kind is kind} for kind in RuleKind}
    assert told[RuleKind.GUARD] == {f"K{number}" for number in range(1, 28)}
    assert told[RuleKind.CHECK] == set(SERVICE_CHECKS)
    assert told[RuleKind.CONDITION] == {*WorkloadCondition, *NodeVerdict}
    assert told[RuleKind.CLASS] == {"serving", "service-degraded", "service-down"}


def test_the_keys_explain_all_that_they_say() -> None:
    """Likewise."""
    told = {kind: {entry.id for entry in OF_KEYS if entry.kind is kind} for kind in RuleKind}
    assert told[RuleKind.GUARD] == {f"R{number}" for number in range(1, 41)}
    every = (*KEYS_CHECKS, *STORE_CHECKS, *SESSION_CHECKS, *READER_CHECKS)
    assert told[RuleKind.CHECK] == set(every)
    assert told[RuleKind.CONDITION] == set(KeyCondition)
    assert told[RuleKind.CLASS] == {"keys-known", "keys-tampered", "keys-unread"}


@pytest.mark.parametrize(
    "entry", [*rule_entries(), *OF_SERVICE, *OF_KEYS], ids=lambda entry: f"{entry.kind}:{entry.id}"
)
def test_an_entry_is_whole(entry: RuleEntry) -> None:
    """Its parts in order, an incident where there is one, and no markup left."""
    labels = [part.label for part in entry.parts]
    assert tuple(label for label in labels if label != "seen") == ASKED[entry.kind]
    for part in entry.parts:
        assert part.text.endswith((".", ")")) or entry.kind is RuleKind.EXIT_CODE, part.text
        assert not re.search(r"\]\(|\*\*", part.text)


@pytest.mark.parametrize("page", PAGES.values())
def test_no_heading_of_a_page_is_lost(page: str) -> None:
    """An entry in another form than the reader's would be silently missing."""
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    found = [entry.id for entry in rule_entries() if entry.page.startswith(f"{page}#")]
    assert found == headings
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("page", PAGES.values())
def test_a_link_to_an_entry_is_its_id(page: str) -> None:
    """On a terminal only the words are left of a link: they are what `explain` is asked."""
    linked = {
        (words, (target or Path(page).name, anchor))
        for words, target, anchor in LINK.findall((ROOT / page).read_text())
        if not target or f"docs/rules/{target}" in PAGES.values()
    }
    for words, (target, anchor) in linked:
        assert f"docs/rules/{target}#{anchor}" in {entry.page for entry in find_rules(words)}, words


def test_markdown_becomes_sentences() -> None:
    """Links to other sites are shown with their address, those between pages are words."""
    (entry,) = parse_rules(
        RuleKind.GUARD,
        "x.md",
        "## G1\n\na *plain* title\n\n- **Says:** see [G2](#g2) and\n  [a/b#1](https://x.y/1).\n"
        "- **Why:** `rm *` and `ls *` ([x.y](https://x.y)).\n",
    )
    assert entry.title == "a plain title"
    assert entry.page == "x.md#g1"
    assert [part.text for part in entry.parts] == [
        "see G2 and a/b#1 <https://x.y/1>.",
        "`rm *` and `ls *` (https://x.y).",
    ]
