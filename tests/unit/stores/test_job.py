"""The job as a process of its own: started once, followed, ended, killed; and what it leaves."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
    StoppableDriver,
)
from remediations.engine.apply.settle import StopOutcome, stop_steps
from remediations.engine.plan.plan import Fidelity, Step
from remediations.systems.stores.aftermath import look_after, read_ledger
from remediations.systems.stores.inventory import (
    FilesPlace,
    PlaceRules,
    StoresEntry,
    place_text,
)
from remediations.systems.stores.job_directory import jobs_in
from remediations.systems.stores.job_driver import JobDriver
from remediations.systems.stores.job_steps import PROVE, RESEAL, JobOrder, compile_jobs
from remediations.systems.stores.reencrypt_section import KeyFile, ReencryptEntry, Several
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from tests.unit.stores.keys import FIRST, SECOND
from tests.unit.stores.test_reencrypt import opened, sealed

LIMIT_S = 60


@dataclass
class Reach:
    """Connections of a run: they know their inventory."""

    inventory: Inventory


@dataclass
class Here:
    """A store of files, two keys, a directory for jobs, and a driver."""

    tree: Path
    directory: Path
    place: FilesPlace
    entry: ReencryptEntry

    @property
    def driver(self) -> JobDriver:
        entry = StoresEntry(read_within_s=60, places=(self.place,), reencrypt=self.entry)
        inventory = Inventory(
            path="inventory.yaml", ssh_config=None, allowed_signers=None, hosts=(),
            parts=(Part.of(entry),),
        )  # fmt: skip
        return JobDriver(Reach(inventory))

    def step(self, deploy: str = RESEAL, **changes: object) -> Step:
        """A step as a plan has it."""
        data: dict[str, str | int] = {
            "machine": self.entry.machine, "store": "vault", "place": place_text(self.place),
            "fingerprint": FIRST.fingerprint,
            "recipient": base64.b64encode(SECOND.public).decode(),
            "new_fingerprint": SECOND.fingerprint, "count": 3, "root": "0" * 64,
            "known_since": "2026-11-01", "several": "refuse", "limits": "nice 10",
            **changes,  # type: ignore[dict-item]
        }  # fmt: skip
        (made,) = compile_jobs(deploy, {"store/vault": data})["store/vault"]
        return Step(
            id="2.0", driver="reencrypt", target="store/vault", action="store.reencrypt",
            operation=made.operation, payload=made.payload, shown="", timeout_s=made.timeout_s,
            fidelity=Fidelity.CONDITIONAL, probe=made.probe, undo=made.undo,
        )  # fmt: skip

    def job(self, name: StepId) -> Path:
        return jobs_in(self.directory).of_step(name).path

    def ended(self, name: StepId, step: Step) -> ProbeResult:
        """Wait for it."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            seen = asyncio.run(self.driver.probe(name, step))
            if seen.state is not ProbeState.RUNNING:
                return seen
            time.sleep(0.1)
        raise AssertionError("it goes on for ever")

    def pid(self, name: StepId) -> int:
        """Of its process: the one that was started for this directory."""
        wanted = str(self.job(name)).encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if wanted in path.read_bytes().split(b"\0"):
                    return int(path.parent.name)
        raise AssertionError("nobody does it")


def key_file(path: Path, name: str, value: bytes) -> KeyFile:
    file = path / f"{name}.key"
    file.write_text(f"{value.hex()}\n")
    file.chmod(0o600)
    return KeyFile(name=name, file=str(file), passphrase_file=None, backup=None)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    tree, directory = tmp_path / "tree", tmp_path / "jobs"
    tree.mkdir()
    directory.mkdir(mode=0o700)
    for number in range(3):
        (tree / f"{number}").write_bytes(sealed(f"content {number}"))
    return Here(
        tree,
        directory,
        FilesPlace(name="vault", path=str(tree)),
        ReencryptEntry(
            machine=socket.gethostname(),
            directory=str(directory),
            private_keys=(
                key_file(tmp_path, "old", FIRST.secret.reveal()),
                key_file(tmp_path, "new", SECOND.secret.reveal()),
            ),
            several=Several.REFUSE,
            objects_per_s=0,
            mebibytes_per_s=0,
            nice=0,
        ),
    )


def name(number: int = 1) -> StepId:
    return StepId(plan=str(number) * 64, step="2.0")


def test_it_seals_and_is_done_once(here: Here) -> None:
    """Each object has a line; the second launch is refused; the aftermath is clean; the report has
    how many are protected, and since when their contents are known."""
    (here.tree / "notes").write_bytes(b"notes")
    (here.tree / "theirs").write_bytes(sealed("theirs", SECOND))
    step = here.step()
    asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 0), seen
    table, said = seen.output.rsplit("\n", 1)
    assert said.startswith("3 versions sealed anew")
    assert table.split("\n") == [
        "outcome          versions  protected from now on    content taken as known since",
        "done             3         yes                      2026-11-01",
        "already          1         it did not name the key  -",
        "skipped-foreign  1         it did not name the key  -",
        f"each version: {here.job(name())}/objects.jsonl",
    ]
    with pytest.raises(AlreadyClaimed):
        asyncio.run(here.driver.launch(name(), step, ()))
    lines = (here.job(name()) / "objects.jsonl").read_text().split("\n")[:-1]
    told = [json.loads(line) for line in lines]
    assert [(one["key"], one["outcome"]) for one in told] == [
        ("0", "done"), ("1", "done"), ("2", "done"),
    ]  # fmt: skip
    assert {one["known_since"] for one in told} == {"2026-11-01"}
    assert all(one["is_protected"] is True for one in told)
    after = look_after(
        here.place, FIRST.fingerprint, SECOND, FIRST,
        read_ledger(here.job(name()) / "objects.jsonl"),
    )  # fmt: skip
    assert (after.name_old, after.opened, after.opened_by_old, after.same) == (0, 4, 0, 3)


def test_no_file_of_a_job_has_a_secret(here: Here) -> None:
    """Neither key, nor content, in no encoding that is looked for."""
    step = here.step()
    asyncio.run(here.driver.launch(name(), step, ()))
    here.ended(name(), step)
    secrets = [FIRST.secret.reveal(), SECOND.secret.reveal(), b"content 0"]
    forms = [f for s in secrets for f in (s, s.hex().encode(), base64.b64encode(s))]
    every = b"".join(p.read_bytes() for p in here.directory.rglob("*") if p.is_file())
    assert every
    assert not [form for form in forms if form in every]


def test_stopped_by_a_person_it_says_what_is_left(here: Here) -> None:
    """The file `stop` ends it after the object at hand."""
    job = jobs_in(here.directory).of_step(name())
    job.make()
    (job.path / "stop").touch()
    step = here.step()
    asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert seen.exit_status == 1
    assert "a person stopped it before it wrote anything" in seen.error_output
    assert seen.stopped
    assert opened((here.tree / "0").read_bytes(), FIRST)


def test_asked_to_stop_it_ends_after_the_object_at_hand(here: Here) -> None:
    """Every object is whole, under one key; another job goes on with what is left. Asking again, or
    for a job that does not run, changes nothing."""
    for number in range(3, 40):
        (here.tree / f"{number}").write_bytes(sealed(f"content {number}"))
    here.entry = replace(here.entry, objects_per_s=1)
    step = here.step()
    assert isinstance(here.driver, StoppableDriver)
    asyncio.run(here.driver.ask_to_stop(name(), step))
    asyncio.run(here.driver.launch(name(), step, ()))
    until = time.monotonic() + LIMIT_S
    while b"\n" not in (here.job(name()) / "objects.jsonl").read_bytes():
        assert time.monotonic() < until
        time.sleep(0.05)
    (one,) = asyncio.run(stop_steps(name().plan, [step], {"reencrypt": here.driver}, patience_s=30))
    assert one.outcome is StopOutcome.STOPPED, one
    assert "a person stopped it" in one.message
    assert "of 40 objects" in one.message
    asyncio.run(here.driver.ask_to_stop(name(), step))
    by = [[opened(path.read_bytes(), key) for key in (FIRST, SECOND)]
          for path in here.tree.iterdir()]  # fmt: skip
    assert all(sum(map(bool, those)) == 1 for those in by)
    assert 0 < sum(bool(new) for _, new in by) < 40
    here.entry = replace(here.entry, objects_per_s=0)
    asyncio.run(here.driver.launch(name(2), step, ()))
    assert here.ended(name(2), step).exit_status == 0
    assert all(opened(path.read_bytes(), SECOND) for path in here.tree.iterdir())


def test_another_machine_knows_nothing_of_it(here: Here) -> None:
    """There it is neither said not to have started, nor voided: it may run."""
    step = here.step()
    here.entry = replace(here.entry, machine="elsewhere")
    for asked in (
        here.driver.probe(name(), step),
        here.driver.void(name(), step, ()),
        here.driver.ask_to_stop(name(), step),
    ):
        with pytest.raises(NoAnswer, match="its job is on elsewhere"):
            asyncio.run(asked)
    assert not list(here.directory.iterdir())


def test_a_damaged_object_fails_it_unless_it_was_accepted(here: Here) -> None:
    """The others are sealed anew in either case."""
    (here.tree / "bad").write_bytes(sealed("x")[:-9])
    step = here.step()
    asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert seen.exit_status == 1
    assert "1 damaged, 0 accepted" in seen.error_output
    assert opened((here.tree / "2").read_bytes(), SECOND)
    here.place = FilesPlace(name="vault", path=str(here.tree), rules=PlaceRules(accept_damaged=1))
    step = here.step()
    asyncio.run(here.driver.launch(name(2), step, ()))
    assert here.ended(name(2), step).exit_status == 0


def test_the_proof_is_about_the_stored_key(here: Here, tmp_path: Path) -> None:
    """A backup of another key proves nothing."""
    step = here.step(PROVE)
    asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert seen.exit_status == 0, seen
    assert "opens a canary, from its file (no backup named)" in seen.output
    assert sorted(path.name for path in here.tree.iterdir()) == ["0", "1", "2"]
    old, new = here.entry.private_keys
    wrong = KeyFile(name="new", file=new.file, passphrase_file=None, backup=old.file)
    here.entry = replace(here.entry, private_keys=(old, wrong))
    asyncio.run(here.driver.launch(name(2), step, ()))
    seen = here.ended(name(2), step)
    assert seen.exit_status == 1
    assert "does not open what is sealed to" in seen.error_output


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"machine": "elsewhere"}, "is sealed anew on elsewhere"),
        ({"place": place_text(FilesPlace(name="vault", path="/other"))}, "another place"),
        ({"store": "nowhere"}, "another place"),
    ],
    ids=["machine", "place", "store"],
)
def test_what_is_not_as_planned_never_starts(
    here: Here, change: dict[str, object], word: str
) -> None:
    """Nothing is claimed, nothing is touched."""
    step = here.step(RESEAL, **change)
    with pytest.raises(NotLaunched, match=word):
        asyncio.run(here.driver.launch(name(), step, ()))
    assert not list(here.directory.iterdir())
    assert opened((here.tree / "0").read_bytes(), FIRST)


def test_a_void_step_never_starts(here: Here) -> None:
    """Also when a launch comes later."""
    step = here.step()
    seen = asyncio.run(here.driver.void(name(), step, ()))
    assert seen.state is ProbeState.VOIDED
    with pytest.raises(AlreadyClaimed):
        asyncio.run(here.driver.launch(name(), step, ()))
    assert opened((here.tree / "0").read_bytes(), FIRST)


def test_a_directory_of_others_is_not_used(here: Here) -> None:
    """Who can write there could make a result."""
    here.directory.chmod(0o755)
    with pytest.raises(NotLaunched, match="not yours alone"):
        asyncio.run(here.driver.launch(name(), here.step(), ()))


def test_the_payload_is_read_back(here: Here) -> None:
    """What was signed is what is done: the form is one."""
    payload = here.step().payload
    order = JobOrder.parse(payload)
    assert order.payload == payload
    assert order.says.startswith("seal 3 versions in vault anew")
    for wrong in (payload.replace("vault", "other", 1), "x\n{}", "x\n[]", "x"):
        with pytest.raises(ValueError, match=r"payload|Expecting"):
            JobOrder.parse(wrong)
