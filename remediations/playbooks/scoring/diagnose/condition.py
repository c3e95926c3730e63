"""What is wrong with one service, compared with what is agreed. Pure; first match wins.

The order is that in which it has to be mended: what does not answer before what answers otherwise,
and of that the model before the settings, the settings before the processors (docs/scoring.md has
the table of readings that tell the look-alikes apart).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.diagnose.ends import why_it_ended
from remediations.playbooks.scoring.diagnose.reference import Reference
from remediations.playbooks.scoring.diagnose.view import ScorerView, wrong_settings
from remediations.systems.scorer.values import Setting
from remediations.values.reading import Known, Unknown, value_or_none

Condition = ScorerCondition
MEMORY_FLOOR_KIB = 65_536
LOAD_CEILING_PERCENT = 400
NO_ANSWER = "no answer"
_CANNOT = re.compile(r"(?i)marshal|\bunimplemented\b|unknown service")
"""In every answer of a build whose messages have no codec, or no such method: each request ends so,
with any model."""


class Judged(NamedTuple):
    """A condition, and its cause in one sentence."""

    condition: ScorerCondition
    cause: str


def judge(view: ScorerView, agreed: Reference) -> Judged:
    """The condition of one service."""
    for rule in _RULES:
        found = rule(view, agreed)
        if found is not None:
            return found
    if agreed.key is None:
        return Judged(Condition.UNDECIDED, "it answers; no answer has more than two thirds")
    return Judged(Condition.AGREED, f"it answers as agreed, typically in {view.typical_ms} ms")


def _unread(view: ScorerView, _agreed: Reference) -> Judged | None:
    reading = view.reading
    if isinstance(reading.unit, Unknown) and isinstance(reading.asks, Unknown):
        return Judged(Condition.UNREAD, f"it could not be read: {reading.unit.reason}")
    if isinstance(reading.asks, Unknown):
        return Judged(Condition.UNREAD, f"it could not be asked: {reading.asks.reason}")
    if not view.asks:
        return Judged(Condition.UNREAD, "no vector was asked in the time that there was")
    return None


def _two(view: ScorerView, _agreed: Reference) -> Judged | None:
    process = value_or_none(view.reading.process)
    if process is None or len(process.owners) < 2:
        return None
    port = view.reading.entry.port
    owners = ", ".join(map(str, process.owners))
    return Judged(Condition.TWO_SCORERS, f"several processes listen on port {port}: {owners}")


def _down(view: ScorerView, agreed: Reference) -> Judged | None:
    """Nothing listens. A model that cannot be loaded is the likeliest cause, where it is another
    one than the agreed: a loader with an expected hash ends at once."""
    if not view.silent:
        return None
    if agreed.model and view.on_disk and view.on_disk != agreed.model:
        return _of_model(view, agreed, "nothing listens, and ")
    unit = value_or_none(view.reading.unit)
    if unit is None:
        return Judged(Condition.DOWN, "nothing listens; its unit could not be read")
    ended = why_it_ended(view, unit)
    if ended is not None:
        return Judged(*ended)
    starts = f"{unit.starts} starts in {view.scoring.window_s} s"
    said = f"; it said last: {view.last_line}" if view.last_line else ""
    if unit.sub == "auto-restart" or unit.starts > view.scoring.restarts:
        result = f"last result {unit.result}, exit status {unit.exit_status}"
        told = f"its unit starts again and again ({starts}; {result}){said}"
        return Judged(Condition.LOOPING, told)
    told = f"nothing listens; {unit.unit} is {unit.active} ({unit.sub}){said}"
    return Judged(Condition.DOWN, told)


def _frozen(view: ScorerView, agreed: Reference) -> Judged | None:
    """No answer in time. With another model it answers others otherwise, or will after its next
    start, which is worse than no answer: then the model is what has to be mended."""
    if not view.late:
        return None
    limit = view.scoring.timeout_ms
    following = view.on_disk or view.loaded
    if agreed.model and following and following != agreed.model:
        before = f"no vector was answered in {limit} ms, and " if view.on_disk else ""
        return _of_model(view, agreed, before)
    if view.rose("completed"):
        if (view.queue or 0) >= view.scoring.queue:
            return Judged(Condition.BACKLOG, f"{_waiting(view)}; no answer in {limit} ms")
        return Judged(Condition.SLOW, f"no vector was answered in {limit} ms; others' were")
    health = {True: "/health says OK", False: "/health fails", None: "/health is not known"}
    counter = "" if view.rose("completed") is None else ", and completed no request"
    return Judged(
        Condition.FROZEN,
        f"{health[view.healthy]}, but no vector was answered in {limit} ms{counter}",
    )


def _model(view: ScorerView, agreed: Reference) -> Judged | None:
    """Another model is loaded; or none is told, and another one is on disk: where it answers as
    agreed all the same, that is only what it will load next."""
    if not view.loaded and agreed.key is not None and view.key == agreed.key:
        return None
    if not agreed.model or not view.model:
        return None
    if view.model != agreed.model:
        return _of_model(view, agreed, "")
    # A server that looks at its directory again and again may have loaded since what lies there.
    other_disk = bool(view.on_disk) and view.on_disk != agreed.model
    if other_disk and agreed.key is not None and view.key != agreed.key:
        return _of_model(view, agreed, "it said that it loaded the agreed model, but on disk ")
    return None


def _of_model(view: ScorerView, agreed: Reference, before: str) -> Judged:
    """Half of a model answers with errors, or lacks files or bytes of the agreed one."""
    found = view.on_disk if before else view.model
    other = f"{before}its model is {found[:12]}, not {agreed.model[:12]}"
    lacks = lacking(view, agreed)
    if lacks:
        return Judged(Condition.HALF_COPY, f"{other}: {lacks}")
    if view.key is None and view.troubles and not view.silent and not view.late:
        return Judged(Condition.HALF_COPY, f"{other}, and it answers: {_first(view)}")
    return Judged(Condition.SKEW, other)


def lacking(view: ScorerView, agreed: Reference) -> str:
    """What the model directory lacks of the agreed model's files, in words; "" for nothing, or
    where one of them is not known. A model with other names and sizes is another one, not half."""
    have = value_or_none(view.reading.disk)
    whole = agreed.files
    if have is None or whole is None or have.unlisted or whole.unlisted:
        return ""
    sizes = {file.path: file.bytes for file in have.files}
    if not set(sizes) <= {file.path for file in whole.files}:
        return ""
    missing = [file.path for file in whole.files if file.path not in sizes]
    short = [f.path for f in whole.files if f.path in sizes and sizes[f.path] < f.bytes]
    longer = [f.path for f in whole.files if sizes.get(f.path, 0) > f.bytes]
    if longer or not (missing or short):
        return ""
    told = [f"no {path}" for path in missing[:2]] + [f"{path} is short" for path in short[:2]]
    return ", ".join(told[:3])


def _cut_short(view: ScorerView, _agreed: Reference) -> Judged | None:
    """What was answered is fine, and not every vector was asked: the host had no time for it."""
    unasked = view.unasked
    if not unasked or view.troubles or view.varies:
        return None
    number = len(view.scoring.golden.vectors)
    told = f"{number - unasked} of {number} vectors could be asked in the time that there was"
    return Judged(Condition.UNREAD, told)


def _errors(view: ScorerView, agreed: Reference) -> Judged | None:
    """It answers with errors, whatever its model is; or it does so to others."""
    if view.troubles and all(map(_CANNOT.search, view.troubles)) and not view.by_vector:
        return Judged(Condition.CANNOT, f"its build answers no request: {_first(view)}")
    if view.key is None and not view.varies:
        return Judged(Condition.ERRORS, f"vectors have no answer: {_first(view)}")
    failed = view.rose("errors")
    if failed and view.key == agreed.key:
        return Judged(Condition.ERRORS, f"{failed} requests failed while it was asked")
    return None


def _varies(view: ScorerView, _agreed: Reference) -> Judged | None:
    """Several threads add in another order each time: settings that are wrong come first."""
    if not view.varies or _wrong_settings(view):
        return None
    return Judged(Condition.VARIES, f"it gives several answers to one vector ({view.varies[0]})")


def _stub(view: ScorerView, _agreed: Reference) -> Judged | None:
    """Whoever asks falls back to a stub in silence where a variable is missing: its scores are not
    those of the service, whatever that answers."""
    node = value_or_none(view.reading.node)
    if node is None:
        return None
    wrong = wrong_settings(view.scoring.node_settings, node.settings)
    if not wrong:
        return None
    return Judged(Condition.STUB, f"the process of {node.unit} scores without it: {_told(wrong)}")


def _settings(view: ScorerView, agreed: Reference) -> Judged | None:
    """Threads before other settings: another number of them is another order of additions."""
    wrong = _wrong_settings(view)
    if not wrong:
        return None
    threads = [pair for pair in wrong if "THREAD" in pair[0].name.upper()]
    answers = "" if view.key == agreed.key else ", and its answers differ"
    if view.varies:
        answers = f", and it gives several answers to one vector ({view.varies[0]})"
    if threads:
        return Judged(Condition.THREADS, f"{_told(threads)}{answers}")
    return Judged(Condition.SETTINGS, f"{_told(wrong)}{answers}")


def _otherwise(view: ScorerView, agreed: Reference) -> Judged | None:
    """The agreed model, the declared settings, and other answers."""
    if agreed.key is None or view.key == agreed.key:
        return None
    if not agreed.model or not view.model:
        return Judged(Condition.ODD, "other answers than agreed; its model is not known")
    if view.cpu_class and agreed.cpu_classes and view.cpu_class not in agreed.cpu_classes:
        others = " or ".join(sorted(agreed.cpu_classes)[:3])
        cause = f"same model, other answers; its processors are {view.cpu_class}, not {others}"
        return Judged(Condition.CPU_CLASS, cause)
    if view.image and agreed.images and view.image not in agreed.images:
        others = " or ".join(short_image(one) for one in sorted(agreed.images)[:3])
        cause = f"same model, other answers; its image is {short_image(view.image)}, not {others}"
        return Judged(Condition.BUILD, cause)
    if view.libraries and agreed.libraries and view.libraries not in agreed.libraries:
        return Judged(Condition.BUILD, "same model, other answers; its libraries are others")
    return Judged(Condition.ODD, "same model, settings and processors, other answers than agreed")


def _image(view: ScorerView, _agreed: Reference) -> Judged | None:
    """Another image than the pinned one, whatever it answers. Without a pin another digest with
    equal answers is no fault."""
    pin = view.scoring.image
    if pin is None or not view.image or view.image == pin:
        return None
    told = f"its image is {short_image(view.image)}, pinned is {short_image(pin)}"
    return Judged(Condition.BUILD, told)


def short_image(digest: str) -> str:
    """A digest as it is shown."""
    return digest.removeprefix("sha256:")[:12]


def _stale(view: ScorerView, agreed: Reference) -> Judged | None:
    """It answers as agreed, with a model that is no longer on its disk."""
    if not agreed.model or not view.on_disk or view.on_disk == agreed.model:
        return None
    lacks = lacking(view, agreed)
    disk = f"the model on its disk is {view.on_disk[:12]}" + (f" ({lacks})" if lacks else "")
    return Judged(Condition.STALE, f"it still answers as agreed, but {disk}: not after a restart")


def _burdened(view: ScorerView, _agreed: Reference) -> Judged | None:
    queue, typical = view.queue, view.typical_ms
    slow = typical is not None and typical > view.scoring.latency_ms
    machine = value_or_none(view.reading.machine)
    if machine is not None and slow:
        if machine.memory_available_kib < MEMORY_FLOOR_KIB:
            free = f"{machine.memory_available_kib} KiB of memory are free"
            return Judged(Condition.HOST_TROUBLE, f"{typical} ms for an answer; {free}")
        if machine.load_percent > LOAD_CEILING_PERCENT:
            load = f"the load is {machine.load_percent} % of its processors"
            return Judged(Condition.HOST_TROUBLE, f"{typical} ms for an answer; {load}")
    if queue is not None and queue >= view.scoring.queue:
        return Judged(Condition.BACKLOG, _waiting(view))
    if slow:
        limit = view.scoring.latency_ms
        return Judged(Condition.SLOW, f"typically {typical} ms for an answer, limit {limit} ms")
    return None


def _waiting(view: ScorerView) -> str:
    """What waits, whether it grows, and what was completed while it was asked."""
    grew, done = view.rose("queue"), view.rose("completed")
    told = f"{view.queue} requests wait"
    if grew:
        told += f", {abs(grew)} {'more' if grew > 0 else 'fewer'} than at the first look"
    return told if done is None else f"{told}; {done} completed meanwhile"


def _capacity(view: ScorerView, _agreed: Reference) -> Judged | None:
    """All is well, and somebody has to take back what was set while it was not."""
    if not view.capacity:
        return None
    told = "; ".join(
        f"{name} is {value}, normally {normal}" for name, value, normal in view.capacity
    )
    return Judged(Condition.CAPACITY, told)


_RULES: tuple[Callable[[ScorerView, Reference], Judged | None], ...] = (
    _unread,
    _two,
    _down,
    _frozen,
    _model,
    _cut_short,
    _errors,
    _varies,
    _stub,
    _settings,
    _otherwise,
    _image,
    _stale,
    _burdened,
    _capacity,
)


def _wrong_settings(view: ScorerView) -> tuple[tuple[Setting, str | None], ...]:
    found = view.settings
    return () if found is None else wrong_settings(view.scoring.settings, found)


def _told(wrong: tuple[tuple[Setting, str | None], ...] | list[tuple[Setting, str | None]]) -> str:
    parts = [
        f"{one.name} is {'not set' if got is None else got}"
        + (f", not {one.value}" if one.value else "")
        for one, got in wrong[:3]
    ]
    return "; ".join(parts)


def _first(view: ScorerView) -> str:
    return view.troubles[0] if view.troubles else NO_ANSWER


def is_read(view: ScorerView) -> bool:
    """Whether it was asked at all."""
    return isinstance(view.reading.asks, Known) and bool(view.asks)
