"""From a host's document to a ScorerReading. Pure: what cannot be read is unknown, and why."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from msgspec.structs import replace

from remediations.engine.observe.section import HostDocument, Section, Trouble, safe_text
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.scorer.answers import ANSWER_BYTES, AnswerError, canonical_answer
from remediations.systems.scorer.counters import parse_counters
from remediations.systems.scorer.inventory import (
    ENVIRONMENT_VALUE,
    ScorerEntry,
    ScoringEntry,
    scorer_of,
)
from remediations.systems.scorer.reading import ScorerReading
from remediations.systems.scorer.values import (
    Ask,
    Counters,
    EnvironmentFile,
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
from remediations.values.inventory import HostEntry
from remediations.values.lines import (
    UNLIMITED,
    TextError,
    parse_number,
    parse_pairs,
    parse_seconds,
    split_lines,
    split_words,
)
from remediations.values.reading import Known, Reading, Unknown, Why

T = TypeVar("T")
SECTIONS: Mapping[str, int] = {
    "scorer_unit": 4096,
    "scorer_process": 65_536,
    "scorer_node": 16_384,
    "scorer_machine": 4096,
    "scorer_environment": 8192,
    "scorer_health": 1024,
    "scorer_counters.1": 65_536,
    "scorer_counters.2": 65_536,
    "scorer_asks": 1_048_576,
    "scorer_disk": 65_536,
    "scorer_loaded": 4096,
    "scorer_last": 1024,
}
"""Section → bytes."""
_HASH = re.compile("[0-9a-f]{64}")
_STAMP = re.compile(r"[A-Z][a-z]{2} ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) UTC")
_FLAG = re.compile("[a-z0-9_]{1,20}")
_FILE = re.compile(r"file=([0-9]{1,15}) (.{1,1000})")
_SET, _LIBRARY = "set_", "library_"
LINE_BYTES = 300
_SECRET = re.compile(
    r"(?i)\b([a-z0-9_.-]*(?:passw|secret|token|api_?key|private|credential|authorization|bearer)"
    r"[a-z0-9_.-]*)([\"']?\s*[=: ]\s*)(?:bearer\s+)?\S+"
)
_LOGIN = re.compile(r"://[^/\s@]+@")
_STATUS = re.compile(r"HTTP/[0-9.]{1,3} ([0-9]{3})\b")
_MOST_ASKS = 80
_REFUSED, _TOO_LONG, _TIMED_OUT = 7, 23, 28
"""Exit statuses of curl(1). It cannot write (23) where the host stopped reading at its limit of
bytes; whether it notices depends on how much of the answer had come by then."""


def read_scorer(document: HostDocument, entry: HostEntry, at: datetime) -> ScorerReading:
    """The service on host `entry`. Answers are as they came: `completed` makes them comparable."""
    scorer = scorer_of(entry)

    def read(name: str, source: str, parse: Callable[[Section], T]) -> Reading[T]:
        return read_section(document, f"scorer_{name}", source, parse, absent=SILENT, at=at)

    def text(name: str, source: str, parse: Callable[[str], T]) -> Reading[T]:
        return read(name, source, lambda section: parse(section.text))

    return ScorerReading(
        host=entry.name,
        entry=scorer,
        unit=text("unit", f"systemctl show {scorer.unit}", lambda t: _unit(scorer.unit, t)),
        disk=text("disk", f"sha256 of {scorer.model}", _disk),
        loaded=text("loaded", f"journalctl of {scorer.unit}, this invocation", _loaded),
        last_line=text("last", f"journalctl of {scorer.unit}, its last line", _last_line),
        process=text("process", f"the process on port {scorer.port}", _process),
        node=text(
            "node", f"the process of {scorer.node or 'who asks'}", lambda t: _node(scorer, t)
        ),
        environment=text("environment", scorer.environment_file or "environment", _environment),
        machine=text("machine", "/proc", _machine),
        health=text("health", scorer.health or "health", _health),
        counters=(
            _counters(document, 1, scorer, at),
            _counters(document, 2, scorer, at),
        ),
        asks=text("asks", scorer.url, parse_asks),
    )


def unread_scorer(entry: HostEntry, trouble: Trouble, at: datetime) -> ScorerReading:
    """A service of a host that could not be read."""
    unknown = trouble.unknown(f"ssh {entry.ssh}", at)
    return ScorerReading(
        host=entry.name,
        entry=scorer_of(entry),
        unit=unknown,
        disk=unknown,
        loaded=unknown,
        process=unknown,
        node=unknown,
        environment=unknown,
        machine=unknown,
        health=unknown,
        counters=(unknown, unknown),
        asks=unknown,
    )


def completed(reading: ScorerReading, scoring: ScoringEntry) -> ScorerReading:
    """The same with what only the whole inventory tells: the names of vectors, and the form in
    which answers are compared."""
    if not isinstance(reading.asks, Known):
        return reading
    try:
        asks = tuple(_comparable(one, scoring) for one in reading.asks.value)
    except TextError as error:
        read = reading.asks
        lost = Unknown(why=Why.MALFORMED, reason=str(error), source=read.source, at=read.at)
        return replace(reading, asks=lost)
    return replace(reading, asks=replace(reading.asks, value=asks))


def _comparable(ask: Ask, scoring: ScoringEntry) -> Ask:
    vectors = scoring.golden.vectors
    if int(ask.vector) >= len(vectors):
        raise TextError("the answer to a vector that was not asked")
    ask = replace(ask, vector=vectors[int(ask.vector)].name)
    if ask.trouble:
        return ask
    try:
        return replace(ask, answer=canonical_answer(ask.answer, scoring.golden.form))
    except AnswerError as error:
        return replace(ask, answer="", trouble=str(error))


def _unit(name: str, text: str) -> ScorerUnit:
    shown = parse_pairs(text)
    try:
        return ScorerUnit(
            unit=name,
            load=shown["LoadState"],
            active=shown["ActiveState"],
            sub=shown["SubState"],
            result=shown["Result"],
            invocation=shown.get("InvocationID", ""),
            restarts=parse_number(shown.get("NRestarts") or "0"),
            starts=parse_number(shown.get("Starts") or "0"),
            exit_status=parse_number(shown.get("ExecMainStatus") or "0"),
            since=_stamp(shown.get("ExecMainStartTimestamp", "")),
            stop_timeout_s=min(parse_seconds(shown["TimeoutStopUSec"]), 3600),
            start_timeout_s=_start_limit_s(shown.get("TimeoutStartUSec", "")),
            expects=_expects(shown.get("Expects", "")),
        )
    except KeyError as error:
        raise TextError(f"systemctl show does not report {error}") from error


def _start_limit_s(span: str) -> int:
    seconds = parse_seconds(span) if span else 0
    return 0 if seconds == UNLIMITED else seconds


def _expects(text: str) -> str:
    if text and not _HASH.fullmatch(text):
        raise TextError("the hash that the unit expects is malformed")
    return text


def _stamp(text: str) -> datetime | None:
    if not text:
        return None
    found = _STAMP.fullmatch(text)
    try:
        if found:
            return datetime.strptime(f"{found[1]} +0000", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        pass
    raise TextError("a time of systemd is malformed")


def _disk(text: str) -> ModelOnDisk:
    lines = split_lines(text)
    rows = [_FILE.fullmatch(line) for line in lines if line.startswith("file=")]
    said = parse_pairs("\n".join(line for line in lines if not line.startswith("file=")))
    if not all(rows) or not _HASH.fullmatch(said.get("sha256", "")):
        raise TextError("the hash of the model, or a file of it, is malformed")
    files = tuple(
        ModelFile(path=row[2], bytes=parse_number(row[1])) for row in rows if row is not None
    )
    number = parse_number(said.get("number", ""))
    if number < len(files):
        raise TextError("more files of the model are listed than there are")
    return ModelOnDisk(sha256=said["sha256"], files=files, unlisted=number - len(files))


def _loaded(text: str) -> ModelLoaded:
    said = parse_pairs(text)
    if not _HASH.fullmatch(said.get("hash", "")):
        raise TextError("the journal of this invocation does not say which model was loaded")
    return ModelLoaded(version=said.get("version", ""), sha256=said["hash"])


def _last_line(text: str) -> str:
    """One line, without what a name calls a secret, or a URL has in front of its host."""
    line = text.strip("\n")
    if not line or "\n" in line or len(line) > LINE_BYTES:
        raise TextError("its journal has no last line")
    return _LOGIN.sub("://…@", _SECRET.sub(r"\1\2…", line))


def _process(text: str) -> ScorerProcess:
    lines = split_lines(text)
    mapped = [line.removeprefix(_LIBRARY) for line in lines if line.startswith(_LIBRARY)]
    said = parse_pairs("\n".join(line for line in lines if not line.startswith(_LIBRARY)))
    libraries = {name: sha for name, _, sha in (line.partition("=") for line in mapped)}
    if not all(map(_HASH.fullmatch, libraries.values())):
        raise TextError("the hash of a library is malformed")
    return ScorerProcess(
        pid=parse_number(said.get("pid", "")),
        owners=tuple(parse_number(word) for word in split_words(said.get("owners", ""))),
        threads=parse_number(said.get("threads", "")),
        settings=_settings(said),
        libraries=tuple(Library(name=name, sha256=sha) for name, sha in sorted(libraries.items())),
    )


def _settings(said: Mapping[str, str], prefix: str = _SET) -> tuple[Setting, ...]:
    return tuple(
        Setting(name=name.removeprefix(prefix), value=value)
        for name, value in sorted(said.items())
        if name.startswith(prefix)
    )


def _environment(text: str) -> EnvironmentFile:
    said = parse_pairs(text)
    settings = _settings(said)
    if "trouble" not in said or not all(
        ENVIRONMENT_VALUE.fullmatch(one.value or "") for one in settings
    ):
        raise TextError("what stands in the environment file is malformed")
    return EnvironmentFile(
        trouble=said["trouble"],
        taken=said.get("taken", ""),
        form=said.get("form", ""),
        settings=settings,
        odd=_settings(said, "odd_"),
        over=_settings(said, "over_"),
    )


def _node(scorer: ScorerEntry, text: str) -> NodeSettings:
    said = parse_pairs(text)
    return NodeSettings(
        unit=scorer.node or "", pid=parse_number(said.get("pid", "")), settings=_settings(said)
    )


def _machine(text: str) -> Machine:
    said = parse_pairs(text)
    flags = tuple(sorted(split_words(said.get("flags", ""))))
    whole, _, decimals = said.get("load", "").partition(".")
    processors = parse_number(said.get("processors", ""))
    if not all(map(_FLAG.fullmatch, flags)) or not processors:
        raise TextError("flags or number of the processors are malformed")
    return Machine(
        model=said.get("model", "")[:100],
        flags=flags,
        processors=processors,
        load_percent=(parse_number(whole) * 100 + parse_number((decimals + "00")[:2]))
        // processors,
        memory_available_kib=parse_number(said.get("available", "")),
    )


def _counters(
    document: HostDocument, moment: int, scorer: ScorerEntry, at: datetime
) -> Reading[Counters]:
    return read_section(
        document,
        f"scorer_counters.{moment}",
        scorer.metrics or "metrics",
        lambda section: parse_counters(section.text, section.at),
        absent=SILENT,
        at=at,
    )


def _health(text: str) -> Health:
    return Health(status=parse_number(text.strip("\n")))


def parse_asks(text: str) -> tuple[Ask, ...]:
    """Lines of vector, attempt, exit status of curl, milliseconds, and what came (base64).

    Raises:
        TextError: a line is malformed.
    """
    lines = split_lines(text)
    if len(lines) > _MOST_ASKS:
        raise TextError(f"more than {_MOST_ASKS} answers")
    return tuple(map(_ask, lines))


def _ask(line: str) -> Ask:
    words = line.split(" ")
    if len(words) != 6 or words[0] != "ask":
        raise TextError("the line of an answer is malformed")
    index, attempt, ended, ms = map(parse_number, words[1:5])
    try:
        told = safe_text(base64.b64decode(words[5], validate=True)).replace("\ufffd\n", "\n")
    except (binascii.Error, ValueError):
        raise TextError("an answer is not base64") from None
    found = _STATUS.match(told)
    _, _, body = told.partition("\n\n")
    status = int(found[1]) if found else 0
    trouble = _trouble(ended, status, body)
    return Ask(
        vector=str(index),
        attempt=attempt,
        ms=ms,
        status=status,
        answer="" if trouble else body,
        trouble=trouble,
        timed_out=ended == _TIMED_OUT,
    )


def _trouble(ended: int, status: int, body: str) -> str:
    """Why there is no answer; "" where there is one."""
    if ended == _TIMED_OUT:
        return "no answer within the time limit"
    if ended == _REFUSED:
        return "the connection was refused: nothing listens"
    if ended not in (0, _TOO_LONG):
        return f"the connection ended without an answer (curl {ended})"
    if status != 200:
        said = " ".join(split_words(body.replace("\n", " ")))[:200]
        return f"HTTP {status or '?'}: {said or 'no words'}"
    if ended == _TOO_LONG or len(body) > ANSWER_BYTES:
        return f"an answer of more than {ANSWER_BYTES} characters"
    return ""
