"""A plan that is not what was planned, or is not good any more, is shown to nobody and applied to
nothing: no host is contacted for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.journal import Journal
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.systems.comet.reading import sealed
from remediations.values.inventory import Inventory
from tests.unit.cli.desk import INVENTORY, PRINCIPAL, Desk, remediate
from tests.unit.cli.wrong import contents, is_document, is_error, refused
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.run.events import began, run_ends

Change = Callable[[bytes], bytes]
USES = ("show", "approve", "apply", "status", "report", "verify")


@pytest.fixture(autouse=True)
def nobody_is_contacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login, or the attempt of one, fails the test."""

    def contact(self: SshReach, inventory: Inventory, resolver: SshResolver) -> None:
        raise AssertionError(f"{self} is about to contact the hosts of {inventory.path}")

    monkeypatch.setattr(SshReach, "__init__", contact)


@pytest.fixture
def state(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def planned(desk: Desk, *, age: timedelta = timedelta(), **fields: object) -> RunDirectory:
    """A run for a plan that was made `age` ago; `fields` of the plan are changed before."""
    inventory = load_inventory(desk.inventory)
    ended = datetime.now(UTC).replace(microsecond=0) - age
    world = replace(quorum_lost(), inventory_digest=inventory_digest(inventory), ended=ended)
    return create_run(
        replace(plan_of(world), **fields), sealed(world), inventory, datetime.now(UTC)
    )


def approved(desk: Desk, *, age: timedelta = timedelta()) -> RunDirectory:
    run = planned(desk, age=age)
    assert remediate("approve", run.name, "--key", desk.key, "--yes").code == 0
    return run


def applied(run: RunDirectory) -> RunDirectory:
    """The same with the journal of an application that was stopped."""
    with closing(Journal(run.journal, plan_digest(run.plan))) as journal:
        journal.append(began())
        journal.append(run_ends("stopped", "val1: failed"))
    return run


def arguments(use: str, run: RunDirectory, desk: Desk) -> tuple[str | Path, ...]:
    more = ("--key", desk.key, "--yes") if use == "approve" else ()
    return (use, run.name, *more)


WHOLE: dict[str, tuple[str, Change]] = {
    "truncated": ("truncated", lambda data: data[: len(data) // 2]),
    "empty": ("truncated", lambda data: b""),
    "edited by an editor": ("not canonical", lambda data: data + b"\n"),
    "spelt otherwise": ("not canonical", lambda data: data.replace(b'":', b'": ')),
    "of the next version": ("format '4'", lambda data: data.replace(b'at":"3"', b'at":"4"', 1)),
    "of no version": ("format None", lambda data: data.replace(b'"format":"3",', b"", 1)),
    "with a field more": ("not known", lambda data: data.replace(b"{", b'{"extra":"1",', 1)),
    "another document": ("format None", lambda data: b'{"remediate_probe":1}'),
    "binary": ("malformed", lambda data: b"\x00\xff" * 99),
    "a number that is not one": (
        "Expected",
        lambda data: data.replace(b'"approvals_needed":"1"', b'"approvals_needed":"many"'),
    ),
}
"""By what happened to the file: words of the refusal, and how it is done."""


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("case", WHOLE)
def test_a_plan_file_that_is_not_as_written(desk: Desk, state: Path, case: str, use: str) -> None:
    """No command uses it, and each says that a plan is never repaired by hand."""
    words, change = WHOLE[case]
    run = applied(planned(desk))
    file = run.path / "plan.json"
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes() != before
    error = refused(2, words, str(file), arguments=arguments(use, run, desk), state=state)
    assert "remediate plan" in error["next"]


def test_a_careful_edit_has_no_approval(desk: Desk, state: Path) -> None:
    """Edited in canonical form after it was approved: another digest, and the old approval is for
    another plan."""
    run = approved(desk)
    file = run.path / "plan.json"
    file.write_bytes(file.read_bytes().replace(b"systemctl start", b"systemctl stop "))
    refused(5, "another plan", arguments=("apply", run.name), state=state)
    assert "planned" in remediate("status", run.name).out


def test_a_plan_of_another_chain_has_no_approval(desk: Desk, state: Path) -> None:
    """The approval names the chain: the same commands for another one are not approved by it."""
    run, other = approved(desk), planned(desk, resources=("chain/worlds-2",))
    (other.path / "approvals").mkdir()
    given = run.path / "approvals/001.json"
    (other.path / "approvals/001.json").write_bytes(given.read_bytes())
    refused(5, "another plan", arguments=("apply", other.name), state=state)


def test_an_observation_of_another_chain_makes_no_plan(
    desk: Desk, state: Path, tmp_path: Path
) -> None:
    """Read for one chain, planned with the inventory of another: refused by the digest."""
    other = tmp_path / "other.yaml"
    other.write_text(INVENTORY.replace("worlds-1", "worlds-2"))
    source = desk.saved(quorum_lost(), "other-chain")
    words = ("plan", "INC-001", "-i", other, "--from", source)
    refused(2, "not read with this inventory", arguments=words, state=tmp_path)


def test_the_hosts_of_a_plan_cannot_be_exchanged(desk: Desk, state: Path, tmp_path: Path) -> None:
    """Names that lead to other machines than those that were read: the approval is not for them."""
    run = approved(desk)
    evil = tmp_path / "evil.yaml"
    evil.write_text(desk.inventory.read_text().replace("{role: full}", "{role: full, ssh: evil}"))
    shutil.copy(desk.path / "allowed_signers", tmp_path)
    words = ("apply", run.name, "-i", evil)
    error = refused(5, "other hosts", str(evil), arguments=words, state=state)
    assert "remediate plan" in error["next"]
    assert f"{run.name}: planned" in remediate("status", run.name, "-i", evil).out


def test_files_of_the_inventory_may_be_elsewhere(desk: Desk, state: Path, tmp_path: Path) -> None:
    """Where ssh_config and allowed_signers are on this machine is not part of the digest."""
    run = approved(desk)
    moved = tmp_path / "moved.yaml"
    moved.write_text(desk.inventory.read_text().replace("s: allowed", "s: my_allowed"))
    shutil.copy(desk.path / "allowed_signers", tmp_path / "my_allowed_signers")
    assert f"{run.name}: approved" in remediate("status", run.name, "-i", moved).out


@pytest.mark.parametrize("use", ["approve", "apply"])
def test_an_observation_older_than_its_limit(desk: Desk, state: Path, use: str) -> None:
    """Half an hour after the reading nobody may approve or apply what follows from it."""
    run = planned(desk, age=timedelta(minutes=31))
    if use == "apply":
        fresh = approved(desk)
        (run.path / "approvals").mkdir()
        for given in (fresh.path / "approvals").iterdir():
            (run.path / "approvals" / given.name).write_bytes(given.read_bytes())
    error = refused(5, arguments=arguments(use, run, desk), state=state)
    assert "remediate" in error["next"]


def test_a_plan_of_an_old_observation_leads_to_a_new_one(desk: Desk, state: Path) -> None:
    """It is shown, as old as it is; the next command is not one that would be refused."""
    source = desk.saved(quorum_lost(), "old", fresh=False)
    done = remediate("plan", "INC-001", "-i", desk.inventory, "--from", source)
    assert done.code == 3
    again = f"next: remediate plan INC-001 --inventory {desk.inventory} (this one has expired)\n"
    assert done.out.endswith(again)


def test_an_approval_does_not_outlive_its_plan(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Approved in time, applied too late."""
    run = approved(desk, age=timedelta(minutes=29))

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # the one that is called
            return datetime.now(UTC) + timedelta(minutes=2)

    monkeypatch.setattr("remediations.cli.approved.datetime", Later)
    error = refused(5, "expired", arguments=("apply", run.name), state=state)
    assert error["next"].startswith("remediate plan INC-001")


def test_a_plan_is_applied_once(desk: Desk, state: Path) -> None:
    """With a journal, whatever stands in it, there is no second application."""
    run = applied(approved(desk))
    before = contents(run.path)
    is_error(remediate("apply", run.name), 10, "applied before")
    is_document(remediate("apply", run.name, "--json"), 10, "applied before")
    assert contents(run.path) == before
    assert "stopped" in remediate("status", run.name).out


WILD = ("*", "*@example.org", "alice@example.org,bob@example.org", "?lice@example.org", "!alice,*")


@pytest.mark.parametrize("principal", WILD)
@pytest.mark.parametrize("use", ["approve", "apply"])
def test_a_wildcard_principal_approves_nothing(
    desk: Desk, state: Path, tmp_path: Path, use: str, principal: str
) -> None:
    """Neither when it is given nor when the list was changed to one afterwards."""
    run = approved(desk) if use == "apply" else planned(desk)
    listed = (desk.path / "allowed_signers").read_text()
    wild = tmp_path / "allowed_signers"
    wild.write_text(listed.replace(PRINCIPAL, principal))
    wild.chmod(0o600)
    words = (*arguments(use, run, desk), "--allowed-signers", wild)
    error = refused(5, str(wild), arguments=words, state=state)
    assert "allowed_signers" in error["guard"]


@pytest.mark.parametrize("name", ["approvals/001.json", "observation.json"])
@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_a_damaged_file_beside_the_plan(desk: Desk, state: Path, name: str, data: bytes) -> None:
    """It is named, and nothing is applied without it."""
    run = approved(desk)
    run.write(name, data)
    refused(2, name, arguments=("apply", run.name), state=state)


OBSERVED: dict[str, tuple[str, Change]] = {
    "truncated": ("truncated", lambda data: data[: len(data) // 2]),
    "of another version": ("format '3'", lambda data: data.replace(b'at":"4"', b'at":"3"', 1)),
    "without a zone": ("$.began", lambda data: re.sub(rb'("began":"[^"]*)Z"', rb'\1"', data)),
    "of a year to come": ("year 9999", lambda data: data.replace(b'ended":"2026', b'ended":"9999')),
    "of the year 1": ("year 1", lambda data: data.replace(b'began":"2026', b'began":"0001')),
    "with a limit below nothing": (
        "halted_after_s",
        lambda data: re.sub(rb'(halted_after_s":")', rb"\1-", data),
    ),
    "with a field more": ("not known", lambda data: data.replace(b"{", b'{"extra":"1",', 1)),
}


@pytest.mark.parametrize("case", OBSERVED)
def test_an_observation_file_that_is_none(
    desk: Desk, state: Path, tmp_path: Path, case: str
) -> None:
    """Neither diagnosed nor planned with; the next command reads the hosts again."""
    words, change = OBSERVED[case]
    before = desk.saved(quorum_lost(), "observed").read_bytes()
    file = tmp_path / "observed.json"
    file.write_bytes(change(before))
    assert file.read_bytes() != before
    for command in (("diagnose",), ("plan", "INC-001", "-i", desk.inventory)):
        error = refused(2, words, arguments=(*command, "--from", file), state=tmp_path)
        assert error["next"].startswith("observe again: ")


@pytest.mark.parametrize("said", ["flying", "verified"])
def test_a_journal_that_cannot_be(desk: Desk, state: Path, said: str) -> None:
    """A state that no such record has: the chain of hashes holds, and it is refused all the same.

    "verified" can be told by a record of the checks only, which carries their hash.
    """
    run = planned(desk)
    with closing(Journal(run.journal, plan_digest(run.plan))) as journal:
        journal.append(began())
        journal.append(run_ends("running"))
    whole = run.journal.read_bytes()
    run.journal.write_bytes(whole.replace(b'"running"', f'"{said}"'.encode()))
    for use in ("status", "report"):
        refused(2, "line 2: a value", arguments=(use, run.name), state=state)


@pytest.mark.parametrize("key", ["none", "directory", "text", "open", "~nosuchuser/id", "~/none"])
def test_a_key_that_cannot_sign(
    desk: Desk, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """5, with how to find one's keys; nothing is signed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    run = planned(desk)
    (tmp_path / "directory").mkdir()
    (tmp_path / "text").write_text("not a key\n")
    (tmp_path / "open").write_bytes(desk.key.read_bytes())
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "text").chmod(0o600)
    file = key if key.startswith("~") else tmp_path / key
    error = refused(5, arguments=("approve", run.name, "--key", file, "--yes"), state=state)
    assert (error["guard"], "ssh-add" in error["next"]) == ("signing key", True)
    assert run.approvals == ()


def test_a_key_in_the_home_directory_signs(
    desk: Desk, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--key ~/id`, also where no shell replaced the tilde."""
    monkeypatch.setenv("HOME", str(desk.path))
    run = planned(desk)
    assert remediate("approve", run.name, "--key", "~/id", "--yes").code == 0


@pytest.mark.parametrize("name", ["x" * 5000, "a/b/c", "..", "é\udcff", "-", "*"])
def test_names_that_no_run_has(desk: Desk, state: Path, name: str) -> None:
    """Whatever is typed for a run: it is not called so."""
    for use in ("show", "status", "report", "verify", "apply"):
        refused(2, "run", arguments=(use, "--", name), state=state)
