"""Figure 11: sealing anew, beside bare PyNaCl doing the same boxes; and a job as a whole."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nacl import bindings

from remediations.systems.stores.envelope import Envelope, canonical, parse
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.job import Job
from remediations.systems.stores.job_directory import JobDirectory
from remediations.systems.stores.job_steps import RESEAL, JobOrder
from remediations.systems.stores.reencrypt import Resealing
from remediations.systems.stores.reencrypt_section import ReencryptEntry, Several
from remediations.systems.stores.sealing import (
    Opened,
    PrivateKey,
    open_envelope,
    seal,
    tag_of,
)
from remediations.values.secret import Secret
from tests.bench.cost import NotDoneError
from tests.bench.figure import Figure, Line

ENVELOPES = 2_000
CONTENT_BYTES = 1_024
GOAL = 1.43
"""At least 0.7 of the peer's throughput."""
PEER = "bare PyNaCl: open, make a key pair, seal, open"
NOTES = (
    "CPU of this process, the shortest of all rounds; the first line is without any store",
    "ours also reads and judges both envelopes, writes the new one, and makes the content's tag",
    "the job is one process on one directory, with every write flushed; memory is what it has more "
    "after the last object than after the first tenth",
)


def measure(rounds: int, envelopes: int = ENVELOPES, objects: int = ENVELOPES) -> Figure:
    """The figure."""
    old, new = (PrivateKey.of(Secret(os.urandom(32), name)) for name in ("old", "new"))
    made = [_sealed(old) for _ in range(envelopes)]
    read = [envelope for data in made if isinstance(envelope := parse(data), Envelope)]
    ours = bare = float("inf")
    for _ in range(rounds):
        ours = min(ours, _cpu(lambda: _ours(made, old, new)))
        bare = min(bare, _cpu(lambda: _bare(read, old, new)))
    seconds, grown = _job(objects, old, new)
    what = f"{envelopes} envelopes of 1 KiB"
    return Figure(
        id="11",
        title="Sealing anew",
        rounds=rounds,
        lines=(
            Line(what=what, value=ours, unit="s CPU", peer=PEER, peer_value=bare, goal=GOAL),
            Line(what=f"a job, {objects} files", value=seconds, unit="s"),
            Line(what="  its memory grows by", value=grown, unit="MiB"),
        ),
        notes=NOTES,
    )


def _sealed(key: PrivateKey) -> bytes:
    return canonical(seal(Secret(os.urandom(CONTENT_BYTES), "made"), key.public))


def _cpu(what: Callable[[], None]) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


def _ours(made: list[bytes], old: PrivateKey, new: PrivateKey) -> None:
    """As `systems.stores.reencrypt` does it, without a store."""
    for data in made:
        envelope = parse(data)
        assert isinstance(envelope, Envelope)
        opened = open_envelope(envelope, old)
        assert isinstance(opened, Opened)
        tag_of(opened.content, new)
        back = parse(canonical(seal(opened.content, new.public, envelope.metadata)))
        assert isinstance(back, Envelope)
        found = open_envelope(back, new)
        if not isinstance(found, Opened) or found.content != opened.content:
            raise NotDoneError("what was sealed does not open")


def _bare(made: list[Envelope], old: PrivateKey, new: PrivateKey) -> None:
    """The boxes alone, of envelopes that were read before."""
    ours, theirs = old.secret.reveal(), new.secret.reveal()
    for envelope in made:
        content = bindings.crypto_box_open(
            envelope.ciphertext, envelope.nonce, envelope.sender_pub_key, ours
        )
        public, private = bindings.crypto_box_keypair()
        nonce = bindings.randombytes(24)
        sealed = bindings.crypto_box(content, nonce, new.public, private)
        if bindings.crypto_box_open(sealed, nonce, public, theirs) != content:
            raise NotDoneError("the peer's box does not open")


def _job(objects: int, old: PrivateKey, new: PrivateKey) -> tuple[float, float]:
    """Seconds, and MiB by which its memory grows after a tenth of it."""
    with tempfile.TemporaryDirectory(prefix="remediate-bench-") as name:
        root, directory = Path(name, "tree"), JobDirectory(Path(name, "jobs", "bench"))
        root.mkdir()
        directory.path.parent.mkdir()
        directory.make()
        for number in range(objects):
            (root / f"{number:06d}").write_bytes(_sealed(old))
        work = Resealing(
            store=FileTree("tree", root), old=old, new=new,
            former=FormerVersions.REFUSE, several=Several.REFUSE,
        )  # fmt: skip
        order = JobOrder(
            deploy=RESEAL, machine="", store="tree", place="{}", fingerprint=old.fingerprint,
            recipient="", new_fingerprint=new.fingerprint, count=objects, root="",
            known_since="", several="refuse", limits="",
        )  # fmt: skip
        entry = ReencryptEntry(
            machine="", directory=name, private_keys=(), several=Several.REFUSE,
            objects_per_s=0, mebibytes_per_s=0, nice=0,
        )  # fmt: skip
        with (directory.path / "objects.jsonl").open("ab") as ledger:
            began = time.monotonic()
            job = _Weighed(directory, order, entry, work, ledger, began)
            job.after = max(1, objects // 10)
            result = job.run(0)
            seconds = time.monotonic() - began
        if result.reason or result.sealed != objects:
            raise NotDoneError(f"the job sealed {result.sealed} of {objects}: {result.reason}")
        return seconds, max(0.0, _peak() - job.weighed)


class _Weighed(Job):
    """A job that notes its memory after some objects."""

    after = 0
    weighed = 0.0

    def _report(self, number: int, total: int, *, now: bool = False) -> None:
        if number == self.after and not self.weighed:
            self.weighed = _peak()
        super()._report(number, total, now=now)


def _peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
