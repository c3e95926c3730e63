"""Worlds of scoring services, made by hand: four that agree, and what is changed of one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.diagnose.reference import Powers
from remediations.playbooks.scoring.finding import ScoringFinding
from remediations.systems.scorer.answers import AnswerForm
from remediations.systems.scorer.inventory import MetricNames, ScorerEntry, ScoringEntry
from remediations.systems.scorer.limits import Limit, Limits
from remediations.systems.scorer.reading import ScorerReading, ScorersReading
from remediations.systems.scorer.values import (
    Ask,
    Counters,
    EnvironmentFile,
    GoldenVector,
    GoldenVectors,
    Health,
    Library,
    Machine,
    ModelFile,
    ModelLoaded,
    ModelOnDisk,
    NodeSettings,
    ScorerProcess,
    ScorerUnit,
    Setting,
)
from tests.worlds.base import BEGAN, POWERS, known, unknown

MODEL, OTHER = (hashlib.sha256(name).hexdigest() for name in (b"model", b"other"))
INVOCATION = "0123456789abcdef" * 2
FILES = (
    ModelFile(path="saved_model.pb", bytes=1000),
    ModelFile(path="variables/variables.data", bytes=900_000),
)
VECTORS = tuple(
    GoldenVector(name=name, request=f'{{"instances":[[{number}]]}}', answer=f"[{number}]")
    for name, number in (("low", "0x3e800000"), ("high", "0x3f400000"))
)
GOLDEN = GoldenVectors(model=MODEL, form=AnswerForm.FLOAT32, vectors=VECTORS)
THREADS = Setting(name="OMP_NUM_THREADS", value="1")
NODE_HASH = Setting(name="VEID_INFERENCE_MODEL_HASH", value="")


def declared(**fields: Any) -> ScoringEntry:  # noqa: ANN401 - the entry's own fields
    """What an inventory declares."""
    entry = ScoringEntry(
        golden=GOLDEN,
        model=None,
        image=None,
        settings=(THREADS,),
        node_settings=(NODE_HASH,),
        class_settings=("ONEDNN_MAX_CPU_ISA",),
        asks=2,
        timeout_ms=2000,
        latency_ms=500,
        queue=10,
        restarts=3,
        window_s=3600,
        metrics=MetricNames(),
    )
    return replace(entry, **fields)


def answered(*answers: str, ms: int = 12) -> tuple[Ask, ...]:
    """Every vector asked twice; `answers` in turn, those of the golden vectors where there are
    none."""
    given = list(answers) or [vector.answer for vector in VECTORS for _ in range(2)]
    names = [vector.name for vector in VECTORS for _ in range(2)]
    return tuple(
        Ask(vector=name, attempt=index % 2 + 1, ms=ms, status=200, answer=answer)
        for index, (name, answer) in enumerate(zip(names, given, strict=True))
    )


OTHERWISE = answered(*["[0x3e800001]"] * 4)
"""Other answers than agreed, each time the same."""


def failed(trouble: str, *, status: int = 500, timed_out: bool = False) -> tuple[Ask, ...]:
    """No vector has an answer."""
    return tuple(
        Ask(
            vector=vector.name,
            attempt=1,
            ms=2000 if timed_out else 3,
            status=0 if timed_out else status,
            answer="",
            trouble=trouble,
            timed_out=timed_out,
        )
        for vector in VECTORS
    )


LATE = failed("no answer within the time limit", timed_out=True)
REFUSED = failed("the connection was refused: nothing listens", status=0)
BROKEN = failed("HTTP 500: Read less bytes than requested")


def counters(completed: int = 100, errors: int = 0, queue: int = 0) -> Counters:
    return Counters(
        at=BEGAN,
        completed=completed,
        errors=errors,
        queue=queue,
        latency_us=completed * 10_000,
        latencies=completed,
    )


def moments(first: Counters, second: Counters) -> tuple[Any, Any]:
    return known(first), known(second)


def service(host: str, **fields: Any) -> ScorerReading:  # noqa: ANN401 - the reading's own fields
    """A service that is well; `fields` are values that are known, or readings."""
    entry = ScorerEntry(
        unit="veid-scorer.service",
        url="http://127.0.0.1:8501/v1/models/trust_score:predict",
        model="/var/lib/virtengine/ml/models/trust_score",
        metrics="http://127.0.0.1:9090/metrics",
        health="http://127.0.0.1:9090/health",
        node="virtengined.service",
    )
    reading = ScorerReading(
        host=host,
        entry=entry,
        unit=known(unit()),
        disk=known(ModelOnDisk(sha256=MODEL, files=FILES)),
        loaded=known(ModelLoaded(version="v1.0.0", sha256=MODEL)),
        process=known(process()),
        node=known(
            NodeSettings(
                unit="virtengined.service", pid=7, settings=(replace(NODE_HASH, value=MODEL),)
            )
        ),
        environment=unknown("the inventory names no environment file"),
        machine=known(machine()),
        health=known(Health(status=200)),
        counters=moments(counters(), counters(104)),
        asks=known(answered()),
    )
    return replace(reading, **fields)


ENVIRONMENT_FILE = "/etc/virtengine/scorer.env"


def environment(**fields: Any) -> EnvironmentFile:  # noqa: ANN401 - the file's own fields
    """One that is root's alone, and has what is declared."""
    found = EnvironmentFile(trouble="", taken="--env-file", settings=(THREADS,))
    return replace(found, **fields)


def two_threads(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - the file's own fields
    """Of a service with one thread more than declared, and other answers: in its process, and in
    the file that the inventory names. `fields` are of the file."""
    two = (replace(THREADS, value="2"),)
    return {
        "entry": replace(service("val1").entry, environment_file=ENVIRONMENT_FILE),
        "process": known(process(settings=two)),
        "environment": known(environment(**{"settings": two, **fields})),
        "asks": known(OTHERWISE),
    }


def unit(**fields: Any) -> ScorerUnit:  # noqa: ANN401 - the unit's own fields
    found = ScorerUnit(
        unit="veid-scorer.service",
        load="loaded",
        active="active",
        sub="running",
        result="success",
        invocation=INVOCATION,
        restarts=0,
        starts=1,
        exit_status=0,
        since=BEGAN - timedelta(hours=5),
        stop_timeout_s=30,
    )
    return replace(found, **fields)


def process(**fields: Any) -> ScorerProcess:  # noqa: ANN401 - the process's own fields
    found = ScorerProcess(
        pid=42,
        owners=(42,),
        threads=9,
        settings=(THREADS,),
        libraries=(Library(name="libm.so.6", sha256="a" * 64),),
    )
    return replace(found, **fields)


def machine(*flags: str, **fields: Any) -> Machine:  # noqa: ANN401 - the machine's own fields
    found = Machine(
        model="a processor",
        flags=flags or ("avx2", "fma"),
        processors=4,
        load_percent=20,
        memory_available_kib=4_000_000,
    )
    return replace(found, **fields)


def scorers(
    changed: dict[str, dict[str, Any]] | None = None,
    *,
    number: int = 4,
    scoring: ScoringEntry | None = None,
) -> ScorersReading:
    """Services on val1, val2, …; `changed` are fields of the readings of some hosts."""
    changes = changed or {}
    hosts = [f"val{index}" for index in range(1, number + 1)]
    assert set(changes) <= set(hosts)
    return ScorersReading(
        scoring=scoring or declared(),
        hosts=tuple(service(host, **changes.get(host, {})) for host in hosts),
    )


def powers(given: Sequence[int] = POWERS) -> Powers:
    """Those of val1, val2, …"""
    return Powers(of=lambda host: given[int(host.removeprefix("val")) - 1], total=sum(given))


def concluded(
    changed: dict[str, dict[str, Any]] | None = None, *, scoring: ScoringEntry | None = None
) -> ScoringFinding:
    """The finding about such services."""
    return conclude(scorers(changed, scoring=scoring), powers())


SILENT = unknown("ssh: connection refused")


WORKERS = Limit(
    setting="SCORER_WORKERS",
    least=1,
    most=4,
    normal=1,
    cost="one processor and 900 MiB for each worker",
    harmless=True,
)
RATE = Limit(
    setting="SCORER_RATE",
    least=2,
    most=50,
    normal=50,
    cost="who submits more is answered 429",
    harmless=True,
)
LIMITED = Limits(workers=WORKERS, rate=RATE)
QUEUED = moments(counters(100, queue=40), counters(104, queue=80))
"""It completes some, and more come."""


def capacity(workers: int = 1, rate: int = 50, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Of a service with so many workers and such a rate, in its process and in its file; `fields`
    are of the file."""
    settings = (
        THREADS,
        Setting(name=RATE.setting, value=str(rate)),
        Setting(name=WORKERS.setting, value=str(workers)),
    )
    return {
        "entry": replace(service("val1").entry, environment_file=ENVIRONMENT_FILE),
        "process": known(process(settings=settings)),
        "environment": known(environment(**{"settings": settings, **fields})),
    }


def overloaded(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - the reading's own fields
    """Of a service at which requests wait, and which answers in time all the same."""
    return {**capacity(), "counters": QUEUED, **fields}


def late(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - the reading's own fields
    """Of one at which so many wait that no vector is answered in time."""
    return overloaded(**{"asks": known(LATE), **fields})
