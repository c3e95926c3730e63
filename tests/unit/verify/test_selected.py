"""The checks on a node below cosmovisor: where its link leads; that upgrade-info.json is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace

from remediations.engine.verify.result import NotVerified
from remediations.playbooks.chain.baseline import ChainBaseline, SelectedProgram
from remediations.playbooks.chain.checks import test_cosmovisor as each
from remediations.playbooks.chain.checks.reading import CheckedNode
from remediations.systems.hosts import questions as hosts
from remediations.systems.hosts.rounds import Question
from tests import worlds
from tests.unit.verify.local import LocalReach
from tests.unit.verify.test_asked import value

ROOT = "/h/cosmovisor"
PLACE = f"{ROOT}/upgrades/v2/bin/ve"
INFO = "a" * 64
PLANNED = SelectedProgram(host="val1", root=ROOT, path=PLACE, upgrade_info=INFO)
BASELINE = ChainBaseline(
    height=1,
    online_power=1,
    total_power=1,
    sign_states=(),
    peers=(),
    programs=(),
    untouched=(),
    selected=(PLANNED,),
)
Check = Callable[[CheckedNode, ChainBaseline, Callable[[str], None]], None]


def node(**fields: object) -> CheckedNode:
    """What these two checks need of one."""
    return cast("CheckedNode", SimpleNamespace(name="val1", **fields))


def test_the_planned_program_is_selected() -> None:
    """And another one is not, nor nothing."""
    saw: list[str] = []
    each.test_selected(node(selected=worlds.known(PLACE)), BASELINE, saw.append)
    assert saw == [f"current leads to {PLACE}"]
    for leads in (f"{ROOT}/genesis/bin/ve", ""):
        with pytest.raises(AssertionError, match="not to /h/cosmovisor/upgrades/v2"):
            each.test_selected(node(selected=worlds.known(leads)), BASELINE, saw.append)


def test_upgrade_info_is_the_one_of_before() -> None:
    """Another, a lost, or a new one fails; none before and none now passes."""
    saw: list[str] = []
    each.test_upgrade_info_kept(node(upgrade_info=worlds.known(INFO)), BASELINE, saw.append)
    for now in ("b" * 64, ""):
        with pytest.raises(AssertionError, match=f"before {INFO}"):
            each.test_upgrade_info_kept(node(upgrade_info=worlds.known(now)), BASELINE, saw.append)
    without = replace(BASELINE, selected=(replace(PLANNED, upgrade_info=""),))
    each.test_upgrade_info_kept(node(upgrade_info=worlds.known("")), without, saw.append)
    with pytest.raises(AssertionError, match="before none"):
        each.test_upgrade_info_kept(node(upgrade_info=worlds.known(INFO)), without, saw.append)


@pytest.mark.parametrize(
    ("check", "field"),
    [(each.test_selected, "selected"), (each.test_upgrade_info_kept, "upgrade_info")],
)
def test_what_could_not_be_read_is_not_verified(check: Check, field: str) -> None:
    """Never a default."""
    with pytest.raises(NotVerified, match="time limit"):
        check(node(**{field: worlds.unknown("time limit")}), BASELINE, lambda _: None)


@pytest.fixture
def local(tmp_path: Path) -> LocalReach:
    """Questions are asked on this machine."""
    return LocalReach(tmp_path)


def asked(local: LocalReach, question: Question[str]) -> str:
    found = value(local, question)
    assert isinstance(found, str)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="files are read as another user")
def test_where_a_link_leads_and_what_a_file_holds(local: LocalReach, tmp_path: Path) -> None:
    """Of what is not there: nothing, which is an answer."""
    file = tmp_path / "upgrades/v2"
    file.parent.mkdir()
    file.write_text("two")
    (tmp_path / "current").symlink_to("upgrades")
    assert asked(local, hosts.real_path(f"{tmp_path}/current/v2")) == str(file.resolve())
    assert asked(local, hosts.real_path(f"{tmp_path}/current/v3")) == ""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o5 != 0o5:
            path.chmod(0o755)
    hashed = hashlib.sha256(b"two").hexdigest()
    assert asked(local, hosts.file_hash(str(file), "root")) == hashed
    assert asked(local, hosts.file_hash(f"{file}-not", "root")) == ""
