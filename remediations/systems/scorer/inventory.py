"""What an inventory says of scoring services: the section `scoring`.

scoring:
  vectors: golden-vectors.yaml
  model: 1f3c…                         # pin: the loader's hash that everybody has to have
  model_directory: models/trust_score  # remediations/systems/scorer/source.py
  settings: {OMP_NUM_THREADS: "1", --threads: "1"}
  node_settings: {VEID_INFERENCE_MODEL_HASH: ""}    # "" for any value
  quarantine: disable = true in /etc/virtengine/scoring.toml, then restart virtengined
  limits: {…}                          # remediations/systems/scorer/limits.py
hosts:
  val1:
    scoring:
      unit: veid-scorer.service
      url: http://127.0.0.1:8501/v1/models/trust_score:predict
      metrics: http://127.0.0.1:9090/metrics
      health: http://127.0.0.1:9090/health
      model: /var/lib/virtengine/ml/models/trust_score
      class: avx2
      node: virtengined.service
      environment_file: /etc/virtengine/scorer.env
  val2:
    scoring: {workload: scorer, port: 8501, path: /v1/models/trust_score:predict}   # workload.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET, UnsetType

from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.systems.scorer.limits import NO_LIMITS, Limits, read_limits
from remediations.systems.scorer.source import ModelSource, read_source
from remediations.systems.scorer.values import GoldenVectors, Setting
from remediations.systems.scorer.workload import KEYS, ScoredWorkload, read_workload
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.names import HOME, UNIT
from remediations.values.part import Kinded
from remediations.values.record import Record

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

SECTION = "scoring"
_HASH = re.compile("[0-9a-f]{64}")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(
    r"http://(127(\.[0-9]{1,3}){3}|localhost|\[::1\]):([0-9]{1,5})(/[A-Za-z0-9_.:/-]{0,200})?"
)
_SETTING = re.compile(r"[A-Z_][A-Z0-9_]{0,63}|--[a-z][a-z0-9-]{0,62}")
ENVIRONMENT_NAME = re.compile("[A-Z_][A-Z0-9_]{0,63}")
ENVIRONMENT_VALUE = re.compile(r"[A-Za-z0-9_.,:/+=-]{0,128}")
ENVIRONMENT_FILE = re.compile(rf"(?=/[^/]+/){HOME.pattern}")
"""An absolute path without `.` and `..`, not directly below the root."""
_METRIC = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]{0,99}")
_CLASS = re.compile("[a-z0-9][a-z0-9._+-]{0,63}")
_SECRET = re.compile("SECRET|TOKEN|PASSW|MNEMONIC|PRIVATE|CREDENTIAL|API_?KEY")
_WORDS = re.compile(r"(?! )[ -~]{1,300}(?<! )")
MOST_SETTINGS = 16
_UNIT_KEYS = ("unit", "url", "model")
_MORE_KEYS = ("metrics", "health", "class", "node", "environment_file")


class MetricNames(Record, frozen=True, kw_only=True):
    """How the service calls what it counts."""

    completed: str = "veid_inference_completed_total"
    errors: str = "veid_inference_errors_total"
    queue: str = "veid_inference_queue_length"
    latency: str = "veid_inference_latency_seconds"


class ScoringEntry(Kinded, frozen=True, kw_only=True):
    """What holds for all services. `model` and `image` are pins, None where there is none.

    `settings` are those that the process of a service must have, `node_settings` those of the
    process that asks it, "" for any value; `class_settings` are names of the environment that
    choose kernels, as processors do. Each vector is asked `asks` times, and may take
    `timeout_ms`. A service is slow above `latency_ms`, and has a backlog from `queue` on.
    `restarts` within `window_s` are enough. `quarantine` is how a validator is taken out of
    scoring, in its operator's words. `limits` are how far a service may be scaled or slowed down.
    `source` is the model as it lies on the machine that reads the inventory.
    """

    KIND: ClassVar[str] = "scorer.scoring/1"

    golden: GoldenVectors
    model: str | None
    image: str | None
    settings: tuple[Setting, ...]
    node_settings: tuple[Setting, ...]
    class_settings: tuple[str, ...]
    asks: int
    timeout_ms: int
    latency_ms: int
    queue: int
    restarts: int
    window_s: int
    metrics: MetricNames
    quarantine: str | None = None
    limits: Limits = NO_LIMITS
    source: ModelSource | UnsetType = UNSET


class ScorerEntry(Kinded, frozen=True, kw_only=True):
    """The service of one host: a unit of it, or `workload`, and then nothing else.

    `cpu_class` is what its operator calls the host's processors, `node` the unit whose process asks
    it, `environment_file` the file from which the unit takes the environment of the service; None
    where nobody says.
    """

    KIND: ClassVar[str] = "scorer.host/1"

    unit: str
    url: str
    model: str
    metrics: str | None = None
    health: str | None = None
    cpu_class: str | None = None
    node: str | None = None
    environment_file: str | None = None
    workload: ScoredWorkload | UnsetType = UNSET

    @property
    def port(self) -> int:
        """The port of the service."""
        return port_of(self.url)


def port_of(url: str) -> int:
    """The port of a service's URL."""
    found = _LOOPBACK.fullmatch(url)
    assert found is not None, "the reader of the inventory refuses any other"
    return int(found[3])


def scoring_of(inventory: Inventory) -> ScoringEntry:
    """What holds for all services of an inventory that has the section."""
    part = inventory.part(ScoringEntry.KIND)
    assert part is not None, "the system is read where an inventory has the section"
    return part.read(ScoringEntry)


def scorer_of(entry: HostEntry) -> ScorerEntry:
    """The service of a host that has the section."""
    part = entry.part(ScorerEntry.KIND)
    assert part is not None, "the system is read on hosts that have the section"
    return part.read(ScorerEntry)


def workload_of(entry: HostEntry) -> ScoredWorkload | None:
    """The workload that scores for a host's node; None where it has no service, or a unit."""
    part = entry.part(ScorerEntry.KIND)
    workload = UNSET if part is None else part.read(ScorerEntry).workload
    return None if isinstance(workload, UnsetType) else workload


def _scoring(table: InventoryTable) -> ScoringEntry:
    from remediations.systems.scorer.vectors import load_vectors

    file = table.file("vectors")
    assert file is not None, "the key is required"
    golden = load_vectors(Path(file))
    pin = table.optional("model", _HASH, "a pin: the loader's hash, 64 lower-case hex digits")
    if pin is not None and golden.model != pin:
        raise table.wrong(
            "vectors",
            f"vectors of the pinned model {pin}",
            f"vectors of the model {golden.model}",
            mend="record vectors with the pinned model (docs/scoring.md#golden-vectors)",
        )
    settings = _settings(table, "settings", _SETTING)
    node_settings = _settings(table, "node_settings", ENVIRONMENT_NAME)
    class_settings = _names(table, "class_settings")
    declared = (*(one.name for one in (*settings, *node_settings)), *class_settings)
    return ScoringEntry(
        golden=golden,
        model=pin,
        image=table.optional("image", _DIGEST, "a pin: an image's digest, sha256:…"),
        settings=settings,
        node_settings=node_settings,
        class_settings=class_settings,
        asks=table.whole_number("asks", 2, 5, default=2, unit="a number of times"),
        timeout_ms=table.whole_number(
            "timeout_milliseconds", 100, 4000, default=2000, unit="milliseconds"
        ),
        latency_ms=table.whole_number(
            "latency_milliseconds", 1, 4000, default=1000, unit="milliseconds"
        ),
        queue=table.whole_number("queue", 1, 10**6, default=10, unit="a number of requests"),
        restarts=table.whole_number("restarts", 1, 100, default=3, unit="a number of restarts"),
        window_s=table.whole_number("window_seconds", 60, 86_400, default=3600, unit="seconds"),
        metrics=_metrics(table),
        quarantine=table.optional("quarantine", _WORDS, "one line of at most 300 characters"),
        limits=read_limits(table, declared),
        source=read_source(table),
    )


def _metrics(table: InventoryTable) -> MetricNames:
    if "metrics" not in table:
        return MetricNames()
    names = table.table("metrics")
    names.keys(required=(), optional=MetricNames.__struct_fields__)
    return MetricNames(
        **{str(key): names.text(key, _METRIC, "the name of a metric") for key in names.content}
    )


def _settings(table: InventoryTable, key: str, form: re.Pattern[str]) -> tuple[Setting, ...]:
    if key not in table:
        return ()
    listed = table.table(key)
    if len(listed.content) > MOST_SETTINGS:
        raise table.wrong(key, f"at most {MOST_SETTINGS} settings")
    found = []
    for name in listed.content:
        if not isinstance(name, str) or not form.fullmatch(name):
            expected = "names of the environment, as OMP_NUM_THREADS"
            expected += ", or of flags, as --threads" if form is _SETTING else ""
            raise listed.wrong(name, expected, str(name)[:80])
        if _SECRET.search(name.upper()):
            raise listed.wrong(name, "no secrets: what is declared here is read and shown", name)
        value = listed.text(name, ENVIRONMENT_VALUE, 'a text in quotes, as "1"; "" for any value')
        found.append(Setting(name=name, value=value))
    return tuple(sorted(found, key=lambda one: one.name))


def _names(table: InventoryTable, key: str) -> tuple[str, ...]:
    listed = table.content.get(key, [])
    if not isinstance(listed, list) or len(listed) > MOST_SETTINGS:
        raise table.wrong(key, f"a list of at most {MOST_SETTINGS} names")
    for name in listed:
        if (
            not isinstance(name, str)
            or not ENVIRONMENT_NAME.fullmatch(name)
            or _SECRET.search(name)
        ):
            raise table.wrong(key, "names of the environment, as ONEDNN_MAX_CPU_ISA; no secrets")
    return tuple(sorted({str(name) for name in listed}))


def _scorer(table: InventoryTable) -> ScorerEntry:
    if "workload" in table:
        return ScorerEntry(unit="", url="", model="", workload=read_workload(table))
    table.keys(required=_UNIT_KEYS, optional=_MORE_KEYS)
    return ScorerEntry(
        unit=table.text("unit", UNIT, "a systemd unit, as veid-scorer.service"),
        url=_loopback(table, "url"),
        model=table.text("model", HOME, "an absolute path of plain characters"),
        metrics=_loopback(table, "metrics") if "metrics" in table else None,
        health=_loopback(table, "health") if "health" in table else None,
        cpu_class=table.optional("class", _CLASS, "a word for the host's class of processors"),
        node=table.optional("node", UNIT, "a systemd unit, as virtengined.service"),
        environment_file=table.optional(
            "environment_file",
            ENVIRONMENT_FILE,
            "an absolute path of plain characters below a directory, as /etc/virtengine/scorer.env",
        ),
    )


def _loopback(table: InventoryTable, key: str) -> str:
    """A URL of the host itself: vectors are sent to the service there, and to nobody else."""
    return table.text(key, _LOOPBACK, "a URL on loopback, as http://127.0.0.1:8501/v1/models/…")


class _HostForm(SectionForm[ScorerEntry]):
    """One of two tables, which the reader tells apart."""

    @property
    def spelt(self) -> str:
        """Both, as they have to be written at least."""
        return "{unit: …, url: …, model: …}` or `scoring: {workload: …, port: …, path: …}"


SCORING_SECTION = InventorySection(
    name=SECTION,
    whole=SectionForm(
        kind=ScoringEntry,
        read=_scoring,
        required=("vectors",),
        optional=(
            "model",
            "model_directory",
            "image",
            "settings",
            "node_settings",
            "class_settings",
            "asks",
            "timeout_milliseconds",
            "latency_milliseconds",
            "queue",
            "restarts",
            "window_seconds",
            "metrics",
            "quarantine",
            "limits",
        ),
    ),
    host=_HostForm(
        kind=ScorerEntry,
        read=_scorer,
        optional=(*_UNIT_KEYS, *_MORE_KEYS, *KEYS),
    ),
    groups=lambda entry: () if workload_of(entry) else (SECTION,),
)
