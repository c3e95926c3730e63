"""The house rules: all is locked, nothing is tied to one machine, every target explains itself."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import remediations
from tests.unit.docs.pages import anchors

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()

# Where packages come from is the machine's configuration. Paths of Go modules are names, not hosts.
REGISTRY_HOST = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|(?:deb|security|snapshot)\.debian\.org"
    r"|(?:proxy|sum)\.golang\.org|registry\.npmjs\.org|crates\.io|repo1?\.maven)\b"
)
# The lab's hosts have these accounts; any other home is somebody's own machine.
HOME_OF_SOMEBODY = re.compile(r"(?<![\w.-])/(?:home|Users)/(?!(?:ops|virtengine)\b)\w")

CODE = (".py", ".sh", ".go", ".toml", "Makefile")
PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b(?:#[\w-]+)?")
SEARCHES = frozenset({"match", "fullmatch", "search", "findall", "finditer", "split", "sub"})
SECTION = re.compile(r"(?<!RFC \d{4} )§ ?\d")


def locked_requirements() -> list[str]:
    """Every entry of the lock, with the lines that belong to it."""
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)
    return [entry for entry in entries if "==" in entry]


def declared_requirements() -> list[Requirement]:
    """What pyproject.toml asks for: to run, to develop, to build."""
    project = PROJECT["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    build = PROJECT["build-system"]["requires"]
    return [Requirement(text) for text in [*project["dependencies"], *extras, *build]]


def files_of_the_project() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is tracked or about to be."""
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_text(errors="replace")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """`file:line` of every line of the project that the pattern finds."""
    return [
        f"{name}:{number}"
        for name, text in files_of_the_project()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def entry_points() -> list[EntryPoint]:
    """All entry points that pyproject.toml promises."""
    project = PROJECT["project"]
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    return [
        EntryPoint(name, value, group)
        for group, entries in groups.items()
        for name, value in entries.items()
    ]


def test_every_locked_requirement_has_hashes() -> None:
    """A package without a hash could be replaced under the same version."""
    entries = locked_requirements()
    assert len(entries) > len(declared_requirements())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_host() -> None:
    """No index, no link, no file of one machine: the lock installs from any mirror."""
    assert re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", LOCK) == []


def test_the_lock_fulfils_what_is_declared() -> None:
    """A dependency that was declared, or pinned anew, without `make lock` is noticed."""
    locked = {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", LOCK, flags=re.MULTILINE)
    }
    for wanted in declared_requirements():
        name = canonicalize_name(wanted.name)
        assert name in locked, f"run `make lock`: {wanted} is not in the lock"
        assert wanted.specifier.contains(locked[name]), f"{wanted}, but {locked[name]} is locked"


def test_no_file_names_a_package_registry() -> None:
    """The project builds wherever its packages are mirrored."""
    assert lines_with(REGISTRY_HOST) == []


def test_no_file_names_a_home_or_this_checkout() -> None:
    """What is committed works in any directory of any user."""
    assert lines_with(HOME_OF_SOMEBODY) == []
    assert lines_with(re.compile(re.escape(f"{ROOT}/"))) == []


@pytest.mark.parametrize(
    "line", ["index = https://" + "pypi" + ".org/simple", "GOPROXY=" + "proxy.golang" + ".org"]
)
def test_a_registry_host_would_be_found(line: str) -> None:
    """The search has teeth."""
    assert REGISTRY_HOST.search(line)


def test_a_home_would_be_found() -> None:
    """The search for homes has teeth, and leaves the lab's accounts alone."""
    assert HOME_OF_SOMEBODY.search("cd /" + "home/alice/project")
    assert HOME_OF_SOMEBODY.search("cp /" + "Users/bob/key .")
    assert not HOME_OF_SOMEBODY.search("/home/ops/.ssh")


def test_every_rule_that_is_cited_is_in_the_repository() -> None:
    """A page that code names exists, and the heading in it; sections are of public standards."""
    cited = {
        (name, page)
        for name, text in files_of_the_project()
        if name.endswith(CODE)
        for page in PAGE.findall(text)
    }
    assert len(cited) > 30
    assert {(name, page) for name, page in cited if not is_there(page)} == set()
    sections = {line for line in lines_with(SECTION) if line.partition(":")[0].endswith(CODE)}
    assert sections == set()


def is_there(citation: str) -> bool:
    """Whether a page is in the repository, and the heading that is cited in it."""
    page, _, anchor = citation.partition("#")
    return (ROOT / page).is_file() and (not anchor or anchor in anchors(page))


def test_a_rule_from_elsewhere_would_be_found() -> None:
    """The search for citations has teeth, and leaves standards alone."""
    assert PAGE.findall("ids: docs" + "/plans.md") == ["docs" + "/plans.md"]
    assert PAGE.findall("(docs" + "/rules/guards.md#g29).") == ["docs" + "/rules/guards.md#g29"]
    assert is_there("docs" + "/rules/guards.md#g29")
    assert not is_there("docs" + "/rules/guards.md#g99")
    assert not is_there("docs" + "/rules/gards.md")
    assert SECTION.search("as planned (recovery §" + "4.1)")
    assert not SECTION.search("RFC 4253 §6.6")


def test_threads_are_awaited_in_one_place() -> None:
    """`asyncio.to_thread` never comes back where StopIteration is raised: `reach/aside.py` does."""
    found = {line.partition(":")[0] for line in lines_with(re.compile(r"\bto_thread\("))}
    found |= {line.partition(":")[0] for line in lines_with(re.compile(r"\brun_in_executor\("))}
    ours = {name for name in found if name.startswith("remediations/")}
    assert ours == {"remediations/reach/background.py"}


def decisions_by_reason(code: str) -> list[int]:
    """Lines on which something is decided by, or taken out of, a text called `reason`: compared,
    searched, cut, matched, or asked by one of its methods. Whether there is one may be asked."""

    def is_reason(node: ast.AST) -> bool:
        return (isinstance(node, ast.Attribute) and node.attr == "reason") or (
            isinstance(node, ast.Name) and node.id == "reason"
        )

    def decides(node: ast.AST) -> bool:
        if isinstance(node, ast.Compare):
            whether = all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
            return not whether and any(map(is_reason, (node.left, *node.comparators)))
        if isinstance(node, ast.Attribute | ast.Subscript):
            return is_reason(node.value)
        if isinstance(node, ast.Match):
            return is_reason(node.subject)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return node.func.attr in SEARCHES and any(map(is_reason, node.args))
        return False

    nodes = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.expr | ast.stmt))
    return sorted(node.lineno for node in nodes if decides(node))


def test_no_decision_is_made_by_the_sentence_of_a_reading() -> None:
    """`Unknown.why` decides; `reason` is for people, and a host may have written it. The reach has
    no readings: its errors are those of a library, which has sentences only."""
    found = {
        name: lines
        for name, text in files_of_the_project()
        if name.startswith("remediations/") and name.endswith(".py")
        if not name.startswith("remediations/reach/") and (lines := decisions_by_reason(text))
    }
    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        'reading.unit.reason.startswith("no unit ")',
        '"home" in reading.unit.reason',
        'reason = unit.reason\nif reason == "not read": pass',
        "reason.removeprefix(host)",
        "unit.reason[:9]",
        "PATTERN.search(unit.reason)",
        'match unit.reason:\n case "x": pass',
    ],
)
def test_a_decision_by_a_sentence_would_be_found(code: str) -> None:
    """The search for them has teeth, and leaves sentences that are shown alone."""
    assert decisions_by_reason(code)
    assert not decisions_by_reason('f"not read: {unit.reason}"\nif reason is None: pass')


def test_every_make_target_explains_itself() -> None:
    """`make` alone tells a stranger what there is."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, flags=re.MULTILINE))
    explained = set(re.findall(r"^([a-z][a-z-]*):[^=\n]*## \S", makefile, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert {"setup", "check", "unit", "lab", "demo", "test"} <= targets
    assert targets == explained
    assert phony is not None
    assert targets == set(phony[1].split())


def test_continuous_integration_runs_the_readme_command() -> None:
    """What is proven is what a stranger types."""
    script = (ROOT / ".ci/run").read_text().splitlines()
    commands = [line for line in script if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]


def test_the_version_is_one() -> None:
    """The package and its metadata say the same."""
    assert PROJECT["project"]["version"] == remediations.__version__


@pytest.mark.parametrize("entry", entry_points(), ids=lambda entry: f"{entry.group}:{entry.name}")
def test_every_entry_point_leads_somewhere(entry: EntryPoint) -> None:
    """A module that moved without its entry point would break pyinfra for everybody on the host."""
    assert entry.load() is not None
