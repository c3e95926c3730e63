"""What is known of a scoring service: what an inventory declares, and what a host told."""

from __future__ import annotations

from typing import Annotated

import msgspec

from remediations.systems.scorer.answers import AnswerForm
from remediations.values.record import Moment, Record

Count = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]


class GoldenVector(Record, frozen=True, kw_only=True):
    """One declared input: the request's JSON, and its answer in canonical form."""

    name: str
    request: str
    answer: str


class GoldenVectors(Record, frozen=True, kw_only=True):
    """All of one model, `model` by the loader's hash."""

    model: str
    form: AnswerForm
    vectors: tuple[GoldenVector, ...]


class Setting(Record, frozen=True, kw_only=True):
    """A variable of a process's environment, or a flag of its command line (`--threads`), and its
    value; None where the process does not have it."""

    name: str
    value: str | None


class ScorerUnit(Record, frozen=True, kw_only=True):
    """The unit of a scoring service. `expects` is the model's hash that its command names, "" for
    none. `since` is when its present process was started, None where
    there was none; `starts` is how often it was started within the declared window;
    `start_timeout_s` how long a start may take, 0 where that is not known or has no limit."""

    unit: str
    load: str
    active: str
    sub: str
    result: str
    invocation: str
    restarts: Count
    starts: Count
    exit_status: Count
    since: Moment | None
    stop_timeout_s: Count
    expects: str = ""
    start_timeout_s: Count = 0


class ModelFile(Record, frozen=True, kw_only=True):
    """A file that the loader reads, by its path in the model directory."""

    path: str
    bytes: Count


class ModelOnDisk(Record, frozen=True, kw_only=True):
    """The model directory. `sha256` is by the loader's rule: the contents of all files, in the
    order of their paths, without export_metadata.json. `files` are at most `LISTED`; `unlisted` is
    how many more there are."""

    sha256: str
    files: tuple[ModelFile, ...]
    unlisted: Count = 0

    @property
    def bytes(self) -> int:
        """Those of the files that are listed."""
        return sum(file.bytes for file in self.files)


class ModelLoaded(Record, frozen=True, kw_only=True):
    """What the process of this invocation says it loaded."""

    version: str
    sha256: str


class Library(Record, frozen=True, kw_only=True):
    """A library that is mapped into the process, by its file's name."""

    name: str
    sha256: str


class ScorerProcess(Record, frozen=True, kw_only=True):
    """The process that owns the service's port. `owners` are all of them: two scorers give two
    answers. `settings` are the declared names, and nothing else of its environment."""

    pid: Count
    owners: tuple[int, ...]
    threads: Count
    settings: tuple[Setting, ...]
    libraries: tuple[Library, ...]


class NodeSettings(Record, frozen=True, kw_only=True):
    """Of the process that asks the service: the declared names of its environment."""

    unit: str
    pid: Count
    settings: tuple[Setting, ...]


class EnvironmentFile(Record, frozen=True, kw_only=True):
    """The file from which the unit takes the environment of its service, as far as it is declared.

    `trouble` is why somebody else than root may change it, "" where it is root's alone; then
    nothing of it was read. `taken` is how the unit takes it, "" where it does not, or another file
    comes after it. `form` is why lines may not be what they look like. `settings` are the declared
    names that stand in it plainly, `odd` those that stand there otherwise, each with how; `over`
    are those about which the unit's command decides, each with why.
    """

    trouble: str
    taken: str
    form: str = ""
    settings: tuple[Setting, ...] = ()
    odd: tuple[Setting, ...] = ()
    over: tuple[Setting, ...] = ()


class Machine(Record, frozen=True, kw_only=True):
    """The host's processors and room. `flags` are those that decide which kernels a library
    chooses; `load_percent` is the load of the last minute for each processor."""

    model: str
    flags: tuple[str, ...]
    processors: Count
    load_percent: Count
    memory_available_kib: Count

    @property
    def cpu_class(self) -> str:
        """The flags as one word."""
        return "+".join(self.flags) or "none"


class Health(Record, frozen=True, kw_only=True):
    """What the health URL answered: a status of HTTP. It says nothing of the model."""

    status: Count


class Counters(Record, frozen=True, kw_only=True):
    """The service's counters at one moment; None for one that it does not show. `latency_us` is the
    sum of all times, over `latencies` of them."""

    at: Moment
    completed: Count | None
    errors: Count | None
    queue: Count | None
    latency_us: Count | None
    latencies: Count | None


class Ask(Record, frozen=True, kw_only=True):
    """One vector, asked once. `answer` is in canonical form, "" where there is none; then `trouble`
    says why. `status` is that of HTTP, 0 without one; `ms` is how long it took."""

    vector: str
    attempt: Count
    ms: Count
    status: Count
    answer: str
    trouble: str = ""
    timed_out: bool = False
