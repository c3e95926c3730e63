"""What can be wrong with one scoring service, and what is right to do about it. Pure.

A kind says what is read of the service (`service`, `container`), what people call it (`condition`,
`group`), and the one branch that mends it ("" where that is for people). It is written down here by
hand, from docs/scoring.md, and never asked of the diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from remediations.systems.scorer.values import ModelLoaded, ModelOnDisk, NodeSettings, Setting
from remediations.values.reading import Why
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, unknown

RESTART, REMOVE = "restart-container", "remove-stale-container"
MODEL, SETTINGS, PEOPLE = "model", "declared-settings", ""
"""`MODEL` stands for the two plans that bring a model."""
DETERMINISTIC = Setting(name="TF_DETERMINISTIC_OPS", value="1")
DECLARED = (world.THREADS, DETERMINISTIC)
CAPACITY = (
    Setting(name=world.RATE.setting, value="50"),
    Setting(name=world.WORKERS.setting, value="1"),
)
"""What a service has of the limits, in a case where people declared some."""
Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`answers`: whether it answers something else than a sound service, always the same."""

    name: str
    condition: str
    group: str
    branch: str
    service: Fields = field(default_factory=dict)
    container: Fields = field(default_factory=dict)
    answers: bool = False


OTHERWISE, AS_AGREED = known(world.OTHERWISE), known(world.answered())
BROKEN, REFUSED, LATE = known(world.BROKEN), known(world.REFUSED), known(world.LATE)
TWICE = known(world.answered("[0x3e800000]", "[0x3e800001]", "[0x3f400000]", "[0x3f400000]"))
LOADED = known(ModelLoaded(version="v1.0.0", sha256=world.OTHER))
DISK = known(ModelOnDisk(sha256=world.OTHER, files=world.FILES))
SHORT = known(
    ModelOnDisk(sha256=world.OTHER, files=(world.FILES[0], replace(world.FILES[1], bytes=450_000)))
)
PART = known(ModelOnDisk(sha256=world.OTHER, files=world.FILES[:1]))
WIDER = known(world.machine("avx2", "avx512f", "fma"))
WAITS = world.moments(world.counters(), world.counters(140, queue=80))
STOOD = world.moments(world.counters(), world.counters())
GONE = {
    "process": unknown("nothing listens", Why.ABSENT),
    "loaded": unknown("no line"),
    "asks": REFUSED,
}
DOWN = {**GONE, "unit": known(world.unit(active="failed", sub="failed", result="exit-code"))}
NO_CONTAINER = {
    "containers": known(()),
    "units": known((containers.unit(active_state="failed", sub_state="failed"),)),
    "listeners": known(()),
}
FILE = replace(world.service("val1").entry, environment_file=world.ENVIRONMENT_FILE)


def runs_with(*settings: Setting) -> Fields:
    """A process with these settings, and the file that brought them."""
    return {
        "entry": FILE,
        "process": known(world.process(settings=settings)),
        "environment": known(world.environment(settings=settings)),
    }


TWO = runs_with(replace(world.THREADS, value="2"), DETERMINISTIC)
FREE = runs_with(world.THREADS, replace(DETERMINISTIC, value="0"))
NO_FILE = {**TWO, "entry": world.service("val1").entry, "environment": unknown("no file is named")}
OPEN = {**TWO, "environment": known(world.environment(trouble="others may write to it"))}
OTHER_LIBRARIES = world.process(
    settings=DECLARED,
    libraries=tuple(replace(o, sha256="b" * 64) for o in world.process().libraries),
)
NO_HASH = NodeSettings(unit="virtengined.service", pid=7, settings=())
OTHER_IMAGE = {
    "containers": known((containers.container(image_digest=containers.OTHER_DIGEST),)),
}


def _model(name: str, condition: str, service: Fields, *, answers: bool = False) -> Kind:
    return Kind(
        name=name,
        condition=condition,
        group="model",
        branch=MODEL,
        service=service,
        answers=answers,
    )


def _varies(
    name: str,
    condition: str,
    service: Fields,
    branch: str = PEOPLE,
    **more: Any,  # noqa: ANN401
) -> Kind:
    return Kind(
        name=name, condition=condition, group="settings", branch=branch, service=service, **more
    )


def _ill(
    name: str,
    condition: str,
    service: Fields,
    branch: str = PEOPLE,
    **more: Any,  # noqa: ANN401
) -> Kind:
    return Kind(
        name=name, condition=condition, group="other", branch=branch, service=service, **more
    )


_DIFFER = {"asks": OTHERWISE}
OTHER_MODEL = {**_DIFFER, "loaded": LOADED, "disk": DISK}
KINDS: tuple[Kind, ...] = (
    _model("other model", "other-model", OTHER_MODEL, answers=True),
    _model("other model, silent", "other-model", {**OTHER_MODEL, "loaded": unknown()},
           answers=True),
    _model("half a model, errors", "half-copy", {**OTHER_MODEL, "asks": BROKEN}),
    _model("half a model, short", "half-copy", {**OTHER_MODEL, "disk": SHORT}, answers=True),
    _model("half a model, down", "half-copy", {**DOWN, "disk": PART}),
    _model("model changed below", "model-changed", {"disk": DISK}),
    _varies("two threads", "other-threads", {**TWO, **_DIFFER}, SETTINGS, answers=True),
    _varies("two threads, several answers", "other-threads", {**TWO, "asks": TWICE}, SETTINGS),
    _varies("another setting", "other-settings", {**FREE, **_DIFFER}, SETTINGS, answers=True),
    _varies("two threads, no file named", "other-threads", {**NO_FILE, **_DIFFER}, answers=True),
    _varies("two threads, file of others", "other-threads", {**OPEN, **_DIFFER}, answers=True),
    _varies("two threads, equal answers", "other-threads", TWO),
    _varies("two threads and wider processors", "other-threads",
            {**TWO, **_DIFFER, "machine": WIDER}, answers=True),
    _varies("two threads and another image", "other-threads", {**TWO, **_DIFFER}, answers=True,
            container=OTHER_IMAGE),
    _varies("wider processors", "cpu-class", {**_DIFFER, "machine": WIDER}, answers=True),
    _varies("other libraries", "other-build", {**_DIFFER, "process": known(OTHER_LIBRARIES)},
            answers=True),
    _varies("another image", "other-build", _DIFFER, answers=True, container=OTHER_IMAGE),
    _varies("several answers", "varies", {"asks": TWICE}),
    _varies("stub", "stub", {"node": known(NO_HASH)}),
    _ill("nothing explains it", "odd-answer", _DIFFER, answers=True),
    _ill("two on one port", "two-scorers",
         {"process": known(world.process(settings=DECLARED, owners=(42, 43)))}),
    _ill("frozen", "frozen-engine", {"asks": LATE, "counters": STOOD}, RESTART),
    _ill("stopped", "scorer-down", DOWN, RESTART, container=NO_CONTAINER),
    _ill("dead container", "scorer-down", DOWN, REMOVE,
         container={**NO_CONTAINER, "containers": known((containers.DEAD,))}),
    _ill("looping", "scorer-looping",
         {**GONE, "unit": known(world.unit(active="activating", sub="auto-restart"))},
         container=NO_CONTAINER),
    _ill("killed for memory", "scorer-host",
         {**GONE, "unit": known(world.unit(active="failed", sub="failed", result="oom-kill"))},
         container=NO_CONTAINER),
    _ill("errors", "scoring-errors", {"asks": BROKEN}, RESTART),
    _ill("errors for others", "scoring-errors",
         {"counters": world.moments(world.counters(), world.counters(104, errors=3))}, RESTART),
    _ill("slow", "slow-scorer", {"asks": known(world.answered(ms=900))}),
    _ill("queue", "backlog",
         {"counters": world.moments(world.counters(), world.counters(104, queue=40))}),
    Kind(name="not read", condition="scorer-unread", group="unread", branch=PEOPLE, service={
        "unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT, "loaded": world.SILENT,
    }),
    Kind(name="no time to ask", condition="scorer-unread", group="unread", branch=PEOPLE,
         service={"asks": known(world.answered()[:2])}),
)  # fmt: skip
"""With all else sound, and the sound answers agreed."""

FROZEN = {"asks": LATE, "counters": STOOD}
SLOWLY = known(world.answered(*["[0x3e800001]"] * 4, ms=900))
COMBINED: tuple[Kind, ...] = (
    _model("frozen, other model", "other-model", {**OTHER_MODEL, **FROZEN}),
    _model("frozen, half a model", "half-copy", {**OTHER_MODEL, "disk": SHORT, **FROZEN}),
    _model("queue, other model", "other-model", {**OTHER_MODEL, "asks": LATE, "counters": WAITS}),
    _model("other model, two threads", "other-model", {**TWO, **OTHER_MODEL}, answers=True),
    _model("other model, wider processors", "other-model", {**OTHER_MODEL, "machine": WIDER},
           answers=True),
    _model("other model, stub", "other-model", {**OTHER_MODEL, "node": known(NO_HASH)},
           answers=True),
    _model("stopped, other model on disk", "other-model", {**DOWN, "disk": DISK}),
    _model("slow, model changed below", "model-changed",
           {"disk": DISK, "asks": known(world.answered(ms=900))}),
    _varies("two threads, stub", "stub", {**TWO, **_DIFFER, "node": known(NO_HASH)}, answers=True),
    _varies("slow, two threads", "other-threads", {**TWO, "asks": SLOWLY}, SETTINGS, answers=True),
    _ill("frozen, two threads", "frozen-engine", {**TWO, **FROZEN}),
    _ill("errors, two threads", "scoring-errors", {**TWO, "asks": BROKEN}),
    _ill("stopped, two threads in its file", "scorer-down",
         {**DOWN, "entry": FILE, "environment": TWO["environment"]}, container=NO_CONTAINER),
    _ill("dead container, two threads in its file", "scorer-down",
         {**DOWN, "entry": FILE, "environment": TWO["environment"]},
         container={**NO_CONTAINER, "containers": known((containers.DEAD,))}),
    _ill("frozen, mended file", "frozen-engine",
         {**TWO, **FROZEN, "environment": known(world.environment(settings=DECLARED))}, RESTART),
    _ill("frozen, stub", "frozen-engine", {**FROZEN, "node": known(NO_HASH)}, RESTART),
    _ill("frozen, two on one port", "two-scorers",
         {**FROZEN, "process": known(world.process(settings=DECLARED, owners=(42, 43)))}),
)  # fmt: skip
"""Two faults of one service. What would come back with other answers is not restarted: that is
worse than none."""

LOOK_ALIKES: tuple[Kind, ...] = tuple(
    Kind(
        name=name,
        condition="agrees",
        group="",
        branch=PEOPLE,
        service=service,
        container=OTHER_IMAGE if "image" in name else {},
    )
    for name, service in (
        ("well", {}),
        (
            "another version of the same bytes",
            {"loaded": known(ModelLoaded(version="v2", sha256=world.MODEL))},
        ),
        ("wider processors, equal answers", {"machine": WIDER}),
        ("another image, equal answers", {}),
        ("other libraries, equal answers", {"process": known(OTHER_LIBRARIES)}),
    )
)
"""No faults, whatever they look like."""

MAJORITY: Mapping[str, tuple[str, str, str, str]] = {
    "other model": ("agrees", "other-model", "model-skew", MODEL),
    "two threads": ("other-threads", "odd-answer", "scores-vary", PEOPLE),
    "another setting": ("other-settings", "odd-answer", "scores-vary", PEOPLE),
    "wider processors": ("agrees", "cpu-class", "scores-vary", PEOPLE),
    "another image": ("agrees", "other-build", "scores-vary", PEOPLE),
}
"""Where more than two thirds have it, and fewer than a third are sound: what those who have it are,
what the sound ones are, how it is called, and what is done for the sound ones. Whatever more than
two thirds answer is the chain's."""
