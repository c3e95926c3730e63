"""An inventory that cannot be used is refused by every command that needs it, before any host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.desk import INVENTORY, Desk, remediate
from tests.unit.cli.wrong import is_document, is_error, refused
from tests.unit.plan.cases import quorum_lost
from tests.unit.unprivileged import without_root

CHAIN = "version: 1\nchain: {id: x-1}\n"
HOSTS = "hosts:\n  val1: {role: validator}\n"
BOMB = "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9) if below else '1'}]\n"
    for name, below in zip("abcdefgh", " abcdefg", strict=True)
).replace("* ", "1")

WRONG: dict[str, tuple[str, str | bytes]] = {
    "empty": ("nothing", ""),
    "only comments": ("nothing", "# hosts come later\n"),
    "no hosts": ("at least one host", f"{CHAIN}hosts: {{}}\n"),
    "hosts left out": ("no key hosts", CHAIN),
    "hosts are null": ("a mapping", f"{CHAIN}hosts:\n"),
    "a tag that would run code": (
        "a mapping",
        f"{CHAIN}hosts: !!python/object/apply:os.abort []\n",
    ),
    "a template not filled in": (
        "a chain id of up to",
        f"version: 1\nchain: {{id: {{{{ c }}}}}}\n{HOSTS}",
    ),
    "a mapping as a key": ("one of the keys", f"? {{a: 1}}\n: 2\n{CHAIN}{HOSTS}"),
    "a tag that does not fit": ("plain YAML", f"version: !!int x\n{HOSTS}"),
    "an alias of itself": ("version", "a: &a [*a]\n"),
    "aliases of aliases": ("one of the keys", f"version: 1\n{BOMB}"),
    "a list": ("a mapping with version", "- val1\n- val2\n"),
    "only a word": ("a mapping with version", "val1\n"),
    "NUL bytes": ("YAML", b"version: 1\0\0\0"),
    "UTF-16": ("UTF-8", "version: 1\n".encode("utf-16")),
    "JSON of something else": ("no key", '{"version": 1}'),
    "the same host twice": ("each key once", CHAIN + HOSTS + "  val1: {role: full}\n"),
    "another version": ("version: 3", CHAIN.replace("1", "3", 1) + HOSTS),
    "the keys of version 1 in version 2": (
        "in version 2 it is spelt `chain: {role: …}`",
        CHAIN.replace("1", "2", 1) + HOSTS,
    ),
    "a section of a system that is not installed": (
        "'lamp', which no installed system reads",
        f"{CHAIN.replace('1', '2', 1)}hosts:\n  web1: {{lamp: {{socket: 1}}}}\n",
    ),
    "an ssh name that is an option": (
        "a name for ssh",
        f"{CHAIN}hosts:\n  val1: {{role: validator, ssh: -oProxyCommand=x}}\n",
    ),
    "a home that climbs": (
        "an absolute path",
        f"{CHAIN}hosts:\n  val1: {{role: validator, home: /srv/../etc}}\n",
    ),
    "a file of nobody": (
        "a file that can be found",
        f"{CHAIN}allowed_signers: ~nosuchuser/signers\n{HOSTS}",
    ),
    "a role that is none": ("validator | ", f"{CHAIN}hosts:\n  val1: {{role: validater}}\n"),
    "longer than any": ("1000000 bytes", CHAIN + HOSTS + "# " + "x" * 1_000_000),
}
"""By what is wrong: words of the refusal, and the file."""
NEXT = {
    "longer than any": "head -c 300",
    "a section of a system that is not installed": "remediate list",
}
"""Where the next step is not the usual one."""

Words = tuple[str | Path, ...]
COMMANDS: dict[str, Callable[[Path], Words]] = {
    "diagnose": lambda file: ("diagnose", "-i", file),
    "plan": lambda file: ("plan", "INC-001", "-i", file),
}


def file_of(directory: Path, data: str | bytes, name: str = "inventory.yaml") -> Path:
    path = directory / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_inventory(desk: Desk, tmp_path: Path, case: str, command: str) -> None:
    """What stands in the file is named with the file; no run is made, no host is asked."""
    words, data = WRONG[case]
    file = file_of(tmp_path, data)
    error = refused(2, words, str(file), arguments=COMMANDS[command](file), state=tmp_path)
    assert NEXT.get(case, "inventory discover") in error["next"]


@pytest.mark.parametrize("case", WRONG)
def test_doctor_reports_a_wrong_inventory(desk: Desk, tmp_path: Path, case: str) -> None:
    """For the doctor it is a finding: 3, one line that lacks, and what mends it."""
    words, data = WRONG[case]
    file = file_of(tmp_path, data)
    done = remediate("doctor", "-i", file, "--json")
    assert done.code == 3
    result = done.document["result"]
    assert isinstance(result, dict)
    (line,) = (li for li in result["lines"] if li["subject"] == "inventory")
    assert line["state"] == "lack"
    assert words in line["found"] + line["mend"]
    assert line["mend"]


def test_an_inventory_is_never_run(desk: Desk, tmp_path: Path) -> None:
    """A Python file, as pyinfra takes them, that raises or does worse: refused unread."""
    mark = tmp_path / "mark"
    file = file_of(tmp_path, f"open({str(mark)!r}, 'w')\nraise SystemExit(0)\n", "inventory.py")
    for make in COMMANDS.values():
        refused(2, "never run", arguments=make(file), state=tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["missing", "directory", "dangling link", "circle"])
def test_no_such_inventory(desk: Desk, tmp_path: Path, kind: str) -> None:
    """Whatever stands in the place of the file, or nothing."""
    file = tmp_path / "inventory.yaml"
    if kind == "directory":
        file.mkdir()
    elif kind != "missing":
        file.symlink_to(file if kind == "circle" else tmp_path / "none")
    for make in COMMANDS.values():
        refused(2, str(file), arguments=make(file), state=tmp_path)


def test_the_inventory_of_the_environment(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$REMEDIATE_INVENTORY is refused in the same words as the option; an empty one is none."""
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(tmp_path / "none.yaml"))
    refused(2, "none.yaml", arguments=("diagnose",), state=tmp_path)
    monkeypatch.setenv("REMEDIATE_INVENTORY", "")
    refused(2, "no inventory was given", arguments=("diagnose",), state=tmp_path)


@pytest.mark.parametrize("limit", ["", ",", " , ", "val9", "val1,val9", "val1 val2"])
def test_limit_that_leaves_nobody_or_names_a_stranger(desk: Desk, limit: str) -> None:
    """Nothing is planned for fewer hosts than were named, nor for all where none was."""
    arguments = ("plan", "INC-001", "--limit", limit, "-i", desk.inventory)
    source = desk.saved(quorum_lost(), "limit")
    error = refused(2, "limit", arguments=(*arguments, "--from", source), state=desk.path)
    assert "--limit" in error["next"]


def test_an_inventory_that_may_not_be_read(desk: Desk, tmp_path: Path) -> None:
    """Somebody else's file: said with the system's words."""
    file = file_of(tmp_path, INVENTORY)
    file.chmod(0)
    with without_root():
        text, whole = (remediate("diagnose", "-i", file, *more) for more in ((), ("--json",)))
    is_error(text, 2, "ermission denied")
    is_document(whole, 2, "ermission denied")


@pytest.mark.parametrize("host", ["-oProxyCommand=touch mark", "a b", "", "../x", "x\ny", "$(id)"])
def test_discover_from_what_is_not_a_host(desk: Desk, tmp_path: Path, host: str) -> None:
    """No option, no command, no empty name reaches ssh."""
    output = tmp_path / "new.yaml"
    arguments = ("inventory", "discover", "--output", output, "--", host)
    refused_done = remediate(*arguments)
    assert refused_done.code == 2
    assert "is not a name for ssh" in refused_done.err
    assert not output.exists()
    document = remediate("inventory", "discover", "--json", "--output", output, "--", host).document
    assert document["outcome"] == "usage"
