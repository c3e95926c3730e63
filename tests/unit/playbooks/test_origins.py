"""Who brought a playbook: real distributions on sys.path, in a process of their own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from remediations.engine.catalogue import Flaw, catalogue, require_playbook
from remediations.engine.entry_points import OWN
from remediations.engine.origin import package_digest
from remediations.errors import MachineError, UsageError
from remediations.machine.config import MachineConfig
from tests.unit.docs.pages import ROOT

OURS = (
    "INC-001", "INC-002", "INC-005", "consensus-failure", "database-issues", "double-sign",
    "high-error-rate", "low-validators", "network-partition", "node-down", "slow-blocks",
    "veid-non-deterministic",
)  # fmt: skip
"""The playbooks of this package, in order."""
DOMAIN = """\
from dataclasses import replace
from remediations.engine.domain import Branch, Playbook
from remediations.playbooks.chain.domain import DOMAIN as CHAIN
one = Branch(name="b", title="t", condition="c", fits=lambda s: "never", propose=lambda s: s)
PLAYBOOK = Playbook(id={id!r}, title="the twin", alerts=(), branches=(one,))
DOMAIN = replace(CHAIN, name={name!r}, playbooks=(PLAYBOOK,))
"""


def domain(playbook: object, name: object = "") -> str:
    """The text of a module: a domain with one playbook. It is named as its playbook is, with `of-`
    in front, where nothing else is said."""
    return DOMAIN.format(id=playbook, name=name or f"of-{playbook}")


LIST = "from remediations.cli.main import main; main()"
ORIGIN = """
import json, sys
from remediations.machine.config import load_machine_config
from remediations.engine.catalogue import require_playbook
origin = require_playbook(sys.argv[1], load_machine_config()).origin()
print(json.dumps([origin.distribution, origin.version, origin.digest]))
"""


@dataclass
class Site:
    """A directory of sys.path with distributions in it."""

    path: Path
    config: dict[str, str] = field(default_factory=dict)

    def install(
        self, name: str, module: str, text: str | None, *, entry: str = "x", version: str = "1.0"
    ) -> None:
        """A distribution whose entry point leads to `DOMAIN` of a module."""
        if text is not None:
            (self.path / f"{module}.py").write_text(text)
        info = self.path / f"{name}-{version}.dist-info"
        info.mkdir()
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(head)
        group = f"[remediations.domains]\n{entry} = {module}:DOMAIN\n"
        (info / "entry_points.txt").write_text(group)

    def allow(self, *names: str) -> None:
        """A machine configuration with that list."""
        file = self.path / "config.toml"
        file.write_text(f"playbooks = {json.dumps(names)}\n")
        file.chmod(0o644)
        self.config["REMEDIATE_CONFIG"] = str(file)

    def python(self, program: str, *arguments: str, code: int = 0) -> str:
        """What a program prints, in a process that sees these distributions first."""
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "",
                "PYTHONPATH": f"{self.path}:{ROOT}",
                **self.config,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    @property
    def usable(self) -> list[str]:
        """The ids that `list --json` tells."""
        return [row["id"] for row in self.listed["playbooks"]]

    @property
    def listed(self) -> dict[str, list[dict[str, str]]]:
        """The result of `list --json`."""
        found: dict[str, list[dict[str, str]]] = json.loads(self.python(LIST, "list", "--json"))[
            "result"
        ]
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_two_playbooks_of_one_id_are_both_refused_and_others_work(site: Site) -> None:
    """Whatever the case of its letters: a twin that is installed takes nothing over."""
    site.install("evil", "evilmod", domain("inc-001"))
    assert site.usable == [one for one in OURS if one != "INC-001"]
    troubles = site.listed["troubles"]
    assert [(t["distribution"], t["flaw"]) for t in troubles] == [
        (OWN, "duplicate"),
        ("evil", "duplicate"),
    ]
    text = site.python(LIST, "list")
    assert text.count("duplicate: ") == 2
    refusal = site.python(LIST, "plan", "INC-001", "--from", "none.json", code=4)
    assert "evil 1.0" in refusal
    assert f"{OWN} 0.1.0" in refusal


BROKEN = {
    "missing": (None, "ModuleNotFoundError"),
    "error": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "syntax": ("def", "SyntaxError"),
    "odd": ("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x"),
    "mute": (
        "class Mute(Exception):\n def __str__(self): raise ValueError\nraise Mute",
        "it cannot be loaded: Mute",
    ),
    "loud": ("raise ValueError('\\x1b[2J\\udce9' + 'x' * 9999)", "ValueError: "),
    "nothing": ("", "AttributeError"),
    "text": ("DOMAIN = 'INC-001'", "str is not a domain"),
    "id": (domain(None, "d"), "its id"),
    "control": (domain("INC\x1b", "d"), "its id"),
    "title": (domain("z").replace('"the twin"', "5"), "its title"),
    "surrogate": (domain("z").replace("the twin", "\\udce9"), "its title"),
    "alerts": (domain("z").replace("alerts=()", "alerts='x'"), "its title"),
    "branches": (domain("z").replace("(one,)", "one"), "its branches"),
    "branch": (domain("z").replace("(one,)", "(1,)"), "int is not a branch"),
    "fits": (domain("z").replace('lambda s: "never"', "1"), "when it fits"),
    "name": (domain("z").replace('name="b"', "name=1"), "name, title"),
    "domain": (domain("z", "a b"), "the name of the domain"),
    "checks": (domain("z").replace("CHAIN, ", "CHAIN, checks=5, "), "the title, the checks"),
    "rules": (domain("z").replace("CHAIN, ", "CHAIN, alerts=5, "), "the rules and the alerts"),
    "asked": (domain("z").replace("CHAIN, ", "CHAIN, finding=1, "), "is asked for"),
    "actions": (domain("z").replace("CHAIN, ", "CHAIN, actions=(1,), "), "its actions"),
    "none": (domain("z").replace("(PLAYBOOK,)", "()"), "its playbooks"),
}


def test_what_cannot_be_loaded_is_one_line_and_not_the_end(site: Site) -> None:
    """All kinds of broken packages at once: each is told with its reason, and ours work."""
    for name, (text, _) in BROKEN.items():
        site.install(f"broken-{name}", f"broken_{name}", text, entry=name)
    found = site.listed
    assert site.usable == [*OURS]
    told = {row["name"]: row for row in found["troubles"]}
    assert set(told) == set(BROKEN)
    for name, (_, words) in BROKEN.items():
        assert (told[name]["distribution"], told[name]["version"]) == (f"broken-{name}", "1.0")
        assert words in told[name]["reason"]
        assert told[name]["reason"].isprintable()
        assert len(told[name]["reason"]) < 250
    lines = site.python(LIST, "list").splitlines()
    assert sum(": it cannot be loaded: " in line for line in lines) == 8
    refusal = site.python(LIST, "plan", "EXIT", "--from", "none.json", code=4)
    assert "SystemExit: 3" in refusal


def test_broken_metadata_costs_its_own_distribution_only(site: Site) -> None:
    """Entry points without a value, bytes that are not text, no name at all."""
    for name in ("line", "bytes", "nameless", "good"):
        site.install(name, f"{name}_module", domain(name))
    (site.path / "line-1.0.dist-info/entry_points.txt").write_text("[remediations.domains]\nx\n")
    (site.path / "bytes-1.0.dist-info/entry_points.txt").write_bytes(
        b"[remediations.domains]\nx = \xff:DOMAIN\n"
    )
    (site.path / "nameless-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\n")
    assert site.usable == sorted((*OURS, "good"))
    troubles = site.listed["troubles"]
    assert [row["name"] for row in troubles] == [
        "bytes-1.0.dist-info",
        "line-1.0.dist-info",
        "nameless-1.0.dist-info",
    ]
    assert all("metadata cannot be read" in row["reason"] for row in troubles)
    (site.path / "~eftover-1.0.dist-info").mkdir()
    assert len(site.listed["troubles"]) == 3


def test_hidden_distribution_of_the_same_name_is_not_a_second_one(
    site: Site, tmp_path: Path
) -> None:
    """Python takes the modules of the first on sys.path, and so do we its entry points."""
    site.install("acme", "acme_module", domain("acme"))
    later = Site(tmp_path / "later")
    later.path.mkdir()
    later.install("Acme", "acme_module", None, entry="y", version="0.9")
    site.config["PYTHONPATH"] = f"{site.path}:{later.path}:{ROOT}"
    assert site.usable == sorted((*OURS, "acme"))
    assert site.listed["troubles"] == []


@pytest.mark.parametrize("allowed", [None, ()])
def test_distribution_in_our_name_takes_nothing_over(
    site: Site, allowed: tuple[str, ...] | None
) -> None:
    """Any package can bring metadata in our name: it is not ours, it hides nothing, its code does
    not run."""
    trap = site.path / "ran"
    text = f"open({str(trap)!r}, 'w')\n" + domain("INC-001")
    site.install("Remediations", "evilmod", text, version="9.9")
    if allowed is not None:
        site.allow(*allowed)
    assert site.usable == [*OURS]
    (trouble,) = site.listed["troubles"]
    assert (trouble["version"], trouble["flaw"]) == ("9.9", "broken")
    assert "calls itself remediations" in trouble["reason"]
    assert json.loads(site.python(ORIGIN, "INC-001"))[1] == "0.1.0"
    assert not trap.exists()


def test_distribution_that_is_not_allowed_is_not_imported(site: Site) -> None:
    """Its code does not run; names are compared as pip compares them."""
    trap = site.path / "ran"
    site.install("evil", "evilmod", f"open({str(trap)!r}, 'w')\n" + domain("INC-001"))
    site.install("Acme.Books", "acme", domain("acme"), entry="y")
    site.allow("acme_books")
    assert site.usable == sorted((*OURS, "acme"))
    assert not trap.exists()
    (trouble,) = site.listed["troubles"]
    assert (trouble["distribution"], trouble["flaw"]) == ("evil", "not allowed")
    refusal = site.python(LIST, "plan", "x", "--from", "none.json", code=4)
    assert "not allowed on this machine" in refusal
    assert str(site.path / "config.toml") in refusal
    site.allow()
    assert site.usable == [*OURS]


def test_origin_names_distribution_version_and_digest_of_the_files(site: Site) -> None:
    """As `sha256sum` makes it; every file counts, and what Python caches does not."""
    site.install("acme", "acme.books.down", None, version="2.1")
    package = site.path / "acme"
    (package / "books").mkdir(parents=True)
    for name in ("__init__.py", "books/__init__.py", "books/data.txt"):
        (package / name).write_text(name)
    (package / "__init__.py").write_text("")
    (package / "books/__init__.py").write_text("")
    (package / "books/down.py").write_text(domain("acme"))

    def origin() -> list[str]:
        found: list[str] = json.loads(site.python(ORIGIN, "acme"))
        return found

    first = origin()
    assert first[:2] == ["acme", "2.1"]
    assert (package / "__pycache__").exists()
    assert origin() == first
    by_hand = subprocess.run(
        "find -L . -type f ! -path '*/__pycache__/*' -printf '%P\\0' | LC_ALL=C sort -z |"
        " xargs -0 sha256sum | sha256sum",
        shell=True,
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    assert first[2] == by_hand.stdout.split()[0]
    seen = {first[2]}
    for change in (
        lambda: (package / "books/data.txt").write_text("another"),
        lambda: (package / "books/data.txt").rename(package / "data.txt"),
        lambda: (package / "books/new.py").write_text(""),
        lambda: (package / "books/new.py").rename(package / "books/new.pyc"),
    ):
        change()
        seen.add(origin()[2])
    assert len(seen) == 5


@pytest.mark.parametrize("name", ["a.py\n0123  b.py", "a\\b.py"])
def test_name_that_reads_as_two_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With a line break in its name one file would have the digest of two."""
    package = tmp_path / "twoinone"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("twoinone")
    try:
        with pytest.raises(MachineError) as refused:
            package_digest("twoinone")
    finally:
        del sys.modules["twoinone"]
    assert "in the name of a file" in refused.value.got


def test_single_module_is_its_file(site: Site) -> None:
    site.install("acme", "acme_module", domain("acme"))
    first = json.loads(site.python(ORIGIN, "acme"))[2]
    (site.path / "another.py").write_text("")
    assert json.loads(site.python(ORIGIN, "acme"))[2] == first
    with (site.path / "acme_module.py").open("a") as file:
        file.write("#")
    assert json.loads(site.python(ORIGIN, "acme"))[2] != first


def test_package_without_files_is_refused() -> None:
    with pytest.raises(MachineError, match="cannot be digested"):
        package_digest("sys")
    with pytest.raises(MachineError):
        package_digest("nosuchpackage.module")


def test_our_own_playbooks_are_found_by_name() -> None:
    """In any case of letters; another name is refused with those that there are."""
    found = catalogue(MachineConfig())
    assert sorted(one.playbook.id for one in found.playbooks) == [*OURS]
    assert found.troubles == ()
    installed = require_playbook("inc-001", MachineConfig())
    assert installed.playbook.id == "INC-001"
    assert installed.origin().distribution == OWN
    assert installed.origin() == require_playbook("node-down", MachineConfig()).origin()
    with pytest.raises(UsageError) as unknown:
        require_playbook("INC-999", MachineConfig())
    assert sorted(unknown.value.expected.split(", ")) == [*OURS]


def test_list_reads_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is made where it is needed: for the one playbook that is chosen."""

    def never(module: str) -> str:
        raise AssertionError(module)

    monkeypatch.setattr("remediations.engine.catalogue.package_digest", never)
    assert catalogue(MachineConfig()).playbooks
    assert Flaw.BROKEN not in {trouble.flaw for trouble in catalogue(MachineConfig()).troubles}
