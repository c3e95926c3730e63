"""The state directory: names, what is refused, and a directory that cannot be used."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.approve.approval import Approval, statement_for
from remediations.engine.observe.digest import portable_inventory
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import read_plan
from remediations.engine.runs import store
from remediations.engine.runs.store import RunDirectory, create_run, find_run, list_runs
from remediations.errors import MachineError, UsageError
from remediations.files import writing
from remediations.systems.comet.reading import sealed
from remediations.values.inventory import Inventory
from remediations.values.wire import canonical, decode
from tests.inventories import chain_inventory
from tests.unit.run.plans import NOW, plan
from tests.unit.unprivileged import without_root
from tests.worlds import healthy

INVENTORY = chain_inventory(
    path="inventory.yaml",
    chain_id="worlds-1",
    halted_after_s=30,
    ssh_config=None,
    allowed_signers=None,
    hosts=(),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def made(seconds: int = 0, of: Plan | None = None) -> RunDirectory:
    return create_run(of or plan(), sealed(healthy()), INVENTORY, NOW + timedelta(seconds=seconds))


def approval(name: str) -> Approval:
    return Approval(
        statement=statement_for(plan()),
        signature="-----BEGIN SSH SIGNATURE-----",
        principal=name,
        key_fingerprint=f"SHA256:{name}",
        given_at=NOW,
    )


def inventory_of(run: RunDirectory) -> Inventory:
    return decode((run.path / "inventory.json").read_bytes(), Inventory)


def test_a_run_is_named_by_time_playbook_and_digest(home: Path) -> None:
    """And lies in a directory that is its owner's alone."""
    run = made()
    assert run.name == f"20261125-120000-inc-001-{plan_digest(plan())[:8]}"
    assert run.path == home / "runs" / run.name
    assert run.path.stat().st_mode & 0o077 == 0


def test_what_is_kept_is_read_back() -> None:
    """Plan, observation, inventory, approvals, checks."""
    run = made()
    assert run.plan == plan()
    assert (run.path / "plan.json").read_bytes() == canonical(plan())
    assert run.observation == sealed(healthy())
    assert inventory_of(run) == portable_inventory(INVENTORY)
    assert run.approvals == ()
    assert run.checks() == ()
    assert not run.journal.exists()


def test_a_run_is_found_by_its_name_its_ends_and_its_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the newest as `last`."""
    run, later = made(), made(1, plan(branch="another"))
    for name in (run.name, run.name[:15], run.name[-8:], str(run.path)):
        assert find_run(name).name == run.name
    assert find_run("last").name == later.name
    assert [r.name for r in list_runs()] == [run.name, later.name]
    monkeypatch.chdir(run.path.parent)
    assert find_run(run.name).path == run.path


def test_an_ambiguous_name_lists_the_candidates() -> None:
    """Nothing is guessed: not the newest, not the first."""
    names = [made().name, made(1).name]
    for ambiguous in ("2026", plan_digest(plan())[:8]):
        with pytest.raises(UsageError, match="more than one run") as caught:
            find_run(ambiguous)
        assert caught.value.expected == ", ".join(names)


def test_an_exact_name_is_never_ambiguous(home: Path) -> None:
    """Also where it is the beginning of another one."""
    run = made()
    shutil.copytree(run.path, home / "runs" / f"{run.name}-2")
    assert find_run(run.name).name == run.name


@pytest.mark.parametrize("name", ["last", "nothing", "../..", "/"])
def test_an_unknown_name_says_what_there_is(name: str) -> None:
    """Before the first plan, and after."""
    with pytest.raises(UsageError) as caught:
        find_run(name)
    assert caught.value.expected == "a run: none was planned yet"
    run = made()
    with pytest.raises(UsageError, match="no run is called"):
        find_run("nothing")
    assert find_run("last").name == run.name


def test_a_half_made_run_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine died while it was planned: the plan is written last."""
    real = writing.replace_file

    def dies(path: Path, data: bytes) -> None:
        if path.name == "plan.json":
            raise KeyboardInterrupt
        real(path, data)

    monkeypatch.setattr(store, "replace_file", dies)
    with pytest.raises(KeyboardInterrupt):
        made()
    assert len(list((home / "runs").iterdir())) == 1
    assert list_runs() == ()


def test_approvals_are_kept_in_order_and_never_replaced() -> None:
    """Also those of two people who approve at the same moment."""
    run = made()
    paths = [run.add_approval(approval(str(n))) for n in range(11)]
    assert len(set(paths)) == 11
    assert [a.approval.principal for a in run.approvals] == [str(n) for n in range(11)]
    assert writing.create_file(paths[0], b"mine") is False
    assert RunDirectory(run.path).approvals[0].approval.principal == "0"
    assert len(list((run.path / "approvals").iterdir())) == 11


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda data: data[:-10], "truncated"),
        (lambda data: b"", "truncated"),
        (lambda data: data + b"\n", "not canonical"),
        (lambda data: b" " + data, "not canonical"),
        (lambda data: data.replace(b'"format":"3"', b'"format":"4"'), "plan format '4'"),
        (lambda data: data.replace(b'"format":"3"', b'"format":3'), "plan format 3"),
        (lambda data: data.replace(b'"checks"', b'"Checks"', 1), "not known"),
        (lambda data: b"[]", "plan format None"),
        (lambda data: b"\xff\xfe", "malformed"),
        (lambda data: b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_plan_that_is_not_as_written_is_refused(tmp_path: Path, change: object, got: str) -> None:
    """Truncated, reformatted, of another version, or no plan."""
    path = tmp_path / "plan.json"
    assert callable(change)
    path.write_bytes(change(canonical(plan())))
    with pytest.raises(UsageError) as caught:
        read_plan(path)
    assert got in caught.value.got


def test_an_edited_plan_has_another_digest(tmp_path: Path) -> None:
    """A careful edit can be read; no approval of the plan fits it any more."""
    path = tmp_path / "plan.json"
    path.write_bytes(canonical(plan()).replace(b'"payload":"true"', b'"payload":"evil"'))
    assert plan_digest(read_plan(path)) != plan_digest(plan())


@pytest.mark.parametrize("name", ["observation.json", "approvals/001.json"])
def test_a_damaged_file_is_named(name: str) -> None:
    """And nothing is concluded from it."""
    run = made()
    run.write(name, b"{}")
    with pytest.raises(UsageError, match=name):
        _ = (run.observation, run.approvals)


def test_a_state_directory_that_is_not_a_directory(home: Path) -> None:
    """12, with what to do; nothing is left behind."""
    home.write_text("in the way")
    with pytest.raises(MachineError, match="cannot be used") as caught:
        made()
    assert caught.value.next_step == "set REMEDIATE_HOME to one"
    assert list_runs() == ()


def test_a_full_disk_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or not at all, and no scraps."""
    run = made()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError) as caught:
        run.write("inventory.json", b"new")
    assert "No space left on device" in caught.value.got
    monkeypatch.undo()
    assert inventory_of(run) == portable_inventory(INVENTORY)
    assert sorted(p.name for p in run.path.iterdir()) == [
        "inventory.json",
        "observation.json",
        "plan.json",
    ]


def test_somebody_elses_directory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing: 12, never a traceback, never "no runs"."""
    with tempfile.TemporaryDirectory() as name:
        there = Path(name)
        monkeypatch.setenv("REMEDIATE_HOME", name)
        run = made()
        for level in (there, there / "runs"):
            level.chmod(0o755)
        run.path.chmod(0o000)
        with without_root():
            assert [r.name for r in list_runs()] == [run.name]
            with pytest.raises(UsageError, match="cannot be read"):
                assert find_run("last").plan
            for use in (lambda: run.approvals, run.checks, lambda: find_run(str(run.path))):
                with pytest.raises(MachineError):
                    use()
        (there / "runs").chmod(0o000)
        with without_root():
            for act in (list_runs, made, lambda: find_run("last")):
                with pytest.raises(MachineError):
                    act()
        (there / "runs").chmod(0o700)
        run.path.chmod(0o700)


def test_of_two_of_one_second_the_later_one_is_the_last(home: Path) -> None:
    """Whatever their digests, by which their names would sort."""
    plans = [plan(), replace(plan(), title="another one")]
    first, second = sorted(plans, key=plan_digest, reverse=True)
    earlier, later = made(of=first), made(of=second)
    os.utime(later.path / "plan.json", ns=(2, (earlier.path / "plan.json").stat().st_mtime_ns + 1))
    assert later.name < earlier.name
    assert [run.name for run in list_runs()] == [earlier.name, later.name]
    assert find_run("last").name == later.name
