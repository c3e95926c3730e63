"""Jobs that seal one real store anew while something breaks, and what must hold afterwards.

They run in the process of the test, so that a test can wait shorter for what never comes back. One
that is launched by the driver is in `tests/unit/stores/test_job.py` and `test_reencrypt.py`.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from remediations.systems.stores.inventory import StoresEntry, place_text, stores_of
from remediations.systems.stores.job import carry_out
from remediations.systems.stores.job_directory import (
    JobClaim,
    JobDirectory,
    JobResult,
    jobs_in,
)
from remediations.systems.stores.job_steps import PROVE, RESEAL, compile_jobs
from remediations.systems.stores.system import STORES
from tests.lab.resealing import NEW, OLD, OTHER
from tests.lab.vaults import Vault, read_with
from tests.unit.stores.test_job import key_file

SYSTEMS = InstalledSystems(systems=(COMET, HOSTS, STORES), troubles=())
LIMIT_S = 60.0


@dataclass
class Bench:
    """One store with envelopes of a key that is out, and the inventory that describes it."""

    vault: Vault
    home: Path
    extra: str = ""
    claimed: int = 0
    jobs: list[JobDirectory] = field(default_factory=list)

    @classmethod
    def of(cls, vault: Vault, home: Path, count: int = 40, *, extra: str = "") -> Bench:
        """Filled, with both keys and an empty directory for jobs. Ten objects take a second at
        least, if `extra` does not say otherwise."""
        home.mkdir(mode=0o700)
        vault.fill(count, 7, OLD, OTHER)
        for name, key in (("old", OLD), ("new", NEW)):
            key_file(home, name, key.secret.reveal())
        return cls(vault, home, extra or "    objects_per_second: 40\n")

    def claim(self, deploy: str = RESEAL) -> JobDirectory:
        """A job that is to be done, as the driver leaves it."""
        entry = self._stores()
        (place,) = entry.places
        assert entry.reencrypt is not None
        data: dict[str, str | int] = {
            "machine": socket.gethostname(), "store": self.vault.name, "place": place_text(place),
            "fingerprint": OLD.fingerprint, "recipient": base64.b64encode(NEW.public).decode(),
            "new_fingerprint": NEW.fingerprint, "count": len(self.vault.contents),
            "root": "0" * 64, "known_since": "2026-11-01", "several": "refuse", "limits": "",
        }  # fmt: skip
        (made,) = compile_jobs(deploy, {"store": data})["store"]
        self.claimed += 1
        job = jobs_in(self.home).named(f"{self.claimed:016d}", "2.0")
        job.make()
        claim = JobClaim(
            plan="1" * 64, step="2.0", payload=made.payload, place=place, entry=entry.reencrypt
        )
        assert job.claim(claim)
        self.jobs.append(job)
        return job

    def _stores(self) -> StoresEntry:
        file = self.home / "inventory.yaml"
        file.write_text(
            "version: 2\nchain: {id: c-1}\nstores:\n  places:\n"
            f"    {self.vault.name}: {self.vault.section}\n  reencrypt:\n"
            f"    machine: {socket.gethostname()}\n    directory: {self.home}\n    nice: 0\n"
            f"    private_keys: {{old: {{file: {self.home}/old.key}}, "
            f"new: {{file: {self.home}/new.key}}}}\n{self.extra}"
            "hosts:\n  jump: {chain: {role: bastion}}\n"
        )
        file.chmod(0o600)
        return stores_of(load_inventory(file, SYSTEMS))

    def seals(self, *, while_: Callable[[], object] | None = None, after: int = 10) -> JobResult:
        """How a job ends; after it has sealed so many objects, `while_` happens beside it."""
        job = self.claim()
        with beside(job, while_, after):
            result = carry_out(job)
            job.end(result)
        return result

    def proves(self) -> JobResult:
        """What the first stage of a plan says of the store."""
        return carry_out(self.claim(PROVE))

    def halves(self) -> tuple[int, int]:
        """How many objects the new key opens, and how many the old one. Every one is there, with
        its content, opened by exactly one of them; what is another reader's is untouched, and
        nobody else's bytes came to be."""
        objects = self.vault.objects()
        new = old = 0
        for name, content in self.vault.contents.items():
            by = [read_with(objects[name], key) for key in (NEW, OLD)]
            assert sorted(one is None for one in by) == [False, True], name
            assert content in by, name
            new, old = new + (by[0] is not None), old + (by[1] is not None)
        others = [data for name, data in objects.items() if name.startswith("other-")]
        assert len(others) == 3
        assert all(read_with(data, OTHER) for data in others)
        assert all(
            read_with(data, NEW) or read_with(data, OLD) or read_with(data, OTHER)
            for data in objects.values()
        ), "an object that nobody opens"
        return new, old

    def breaks(self, result: JobResult, *words: str) -> None:
        """It ended with this error, which says what to do next, in the middle, with nothing lost;
        and another job finishes."""
        assert all(word in result.reason for word in words), result.reason
        assert "plan again" in result.reason
        new, old = self.halves()
        assert new
        assert old

    def finishes(self) -> None:
        """Another job seals what is left, and every object has one line among all their records."""
        self.extra = ""
        result = self.seals()
        assert (result.reason, result.left) == ("", 0), result
        assert self.halves() == (len(self.vault.contents), 0)
        assert len(self.vault.objects()) == len(self.vault.contents) + 3

    def recorded(self) -> list[str]:
        """The lines of all records, `done` only."""
        lines = []
        for job in self.jobs:
            with (job.path / "objects.jsonl").open() as file:
                lines += [line for line in file if '"outcome":"done"' in line]
        return lines


@contextmanager
def beside(job: JobDirectory, what: Callable[[], object] | None, after: int) -> Iterator[None]:
    """Do it in a thread as soon as the job has recorded so many objects. Its failure is the
    test's."""
    failed: list[BaseException] = []

    def wait() -> None:
        until = time.monotonic() + LIMIT_S
        try:
            while lines(job) < after:
                assert time.monotonic() < until, "the job did not get so far"
                time.sleep(0.02)
            assert what is not None
            what()
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    if what is not None:
        thread.start()
    yield
    if what is not None:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def lines(job: JobDirectory) -> int:
    """How many objects it has recorded."""
    try:
        return (job.path / "objects.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
