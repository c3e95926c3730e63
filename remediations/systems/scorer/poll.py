"""A light poll of scoring services while a plan is applied, for gates, display and checks.

Each service is asked every golden vector once, from its own host, as the operator. It takes no
longer than the vectors' time limit and one second. Root is needed only where a gate waits for the
environment of a process: then the declared names of it are read, and no others.
"""

from __future__ import annotations

import asyncio
import base64
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from remediations.reach.background import run_in_thread
from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.hosts.program import root_command
from remediations.systems.scorer.answers import AnswerError, canonical_answer
from remediations.systems.scorer.counters import counted
from remediations.systems.scorer.inventory import port_of
from remediations.systems.scorer.parse import parse_asks
from remediations.systems.scorer.values import Ask, GoldenVectors, Setting
from remediations.values.lines import TextError
from remediations.values.record import Record

POLL_LIMIT_S = 8
NO_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_CURL = "curl -q -sSg --proto =http --noproxy '*'"
_JSON = "-H 'Content-Type: application/json' -H Expect:"


class ScorerTarget(Record, frozen=True, kw_only=True):
    """Where a service is, and the power of its host's key."""

    host: str
    unit: str
    url: str
    power: int


class QueueSource(Record, frozen=True, kw_only=True):
    """Where the length of a service's queue is read: the URL of its metrics, and the metric."""

    host: str
    url: str
    metric: str


NO_QUEUES: Mapping[str, QueueSource] = MappingProxyType({})


class ScorerPoll(NamedTuple):
    """What one service is at one moment: the unit's invocation while it is active, else "", and its
    answers by vector in canonical form; `trouble` is the first reason for a missing one. `settings`
    are those of its process that were asked for, and `queue` is how many requests wait; None where
    they were not read."""

    invocation: str
    answers: Mapping[str, str]
    trouble: str = ""
    settings: tuple[Setting, ...] | None = None
    queue: int | None = None


NO_POLL = ScorerPoll("", {}, "the host does not answer")


async def poll_scorers(
    reach: Reach,
    targets: Iterable[ScorerTarget],
    golden: GoldenVectors,
    timeout_ms: int,
    names: Mapping[str, tuple[str, ...]] = NO_NAMES,
    queues: Mapping[str, QueueSource] = NO_QUEUES,
) -> dict[str, ScorerPoll]:
    """Polls all services at once. The poll of one that cannot be asked is empty. `names` are those
    of the environment that are read, by host, and `queues` are where the length of a queue is."""
    asked = list(targets)
    polls = await asyncio.gather(
        *(
            _poll(
                reach,
                one.host,
                poll_command(
                    one, golden, timeout_ms, names.get(one.host, ()), queues.get(one.host)
                ),
                golden,
            )
            for one in asked
        )
    )
    return {one.host: poll for one, poll in zip(asked, polls, strict=True)}


async def _poll(reach: Reach, host: str, command: str, golden: GoldenVectors) -> ScorerPoll:
    try:
        async with asyncio.timeout(POLL_LIMIT_S):
            connection = await reach.connect(host)
            done = await connection.run(command, timeout_s=POLL_LIMIT_S - 0.5)
            return await run_in_thread(lambda said: read_poll(said, golden), done.stdout)
    except (HostUnreachable, TimeoutError):
        return NO_POLL


def environment_text(url: str, names: Iterable[str]) -> str:
    """The program for sh, as root, that prints `settings=yes` and a line `set_NAME=VALUE` for each
    of these names that the process on the service's port has."""
    port, pattern = port_of(url), "|".join(names)
    return (
        f"pid=$(ss -Hltnp 'sport = :{port}' | grep -oE 'pid=[0-9]+' | sort -u) || exit 0\n"
        '[ "${pid#*pid=}" -gt 0 ] 2>/dev/null || exit 0\n'
        '[ -r "/proc/${pid#pid=}/environ" ] || exit 0\n'
        "echo settings=yes\n"
        'tr "\\0\\n" "\\n?" <"/proc/${pid#pid=}/environ" | head -c 262144 |\n'
        f"  grep -aE '^({pattern})=' | head -n 32 | sed 's/^/set_/'\n"
    )


def queue_text(source: QueueSource) -> str:
    """The program for sh that prints a line `queue NUMBER` for each series of the metric."""
    pattern = rf"^{source.metric}(\{{[^}}]*\}})? [0-9.eE+]{{1,40}}( [0-9]+)?$"
    value = "s/^[^ {]*(\\{[^}]*\\})? /queue /"
    return (
        f"{_CURL} --max-time 1 --url {shlex.quote(source.url)} 2>/dev/null | head -c 1048576 | "
        f"grep -aE {shlex.quote(pattern)} | head -n 64 | sed -E {shlex.quote(value)}"
    )


def poll_command(
    target: ScorerTarget,
    golden: GoldenVectors,
    timeout_ms: int,
    names: tuple[str, ...] = (),
    queue: QueueSource | None = None,
) -> str:
    """Asks for the invocation, then each vector, and how many requests wait. A frozen engine costs
    one time limit."""
    lines = [
        "systemctl show -p ActiveState -p InvocationID -- "
        f"{shlex.quote(target.unit)} | head -c 999",
        f'ask() {{ t=$(printf %s "$2" | base64 -d | {{ {_CURL} --max-time {timeout_ms / 1000:.3f}'
        f" -i {_JSON} --data-binary @- --url {shlex.quote(target.url)} 2>/dev/null; "
        r"printf '\n%s' $?; } | head -c 8300 | base64 -w0); printf 'ask %s 1 %s\n' "
        '"$1" "$t"; }',
    ]
    if names:
        lines.append(root_command(environment_text(target.url, names), 2))
    if queue is not None:
        lines.append(queue_text(queue))
    for index, vector in enumerate(golden.vectors):
        lines.append(f"ask {index} {base64.b64encode(vector.request.encode()).decode()}")
    return "\n".join(lines)


def read_poll(said: bytes, golden: GoldenVectors) -> ScorerPoll:
    """What a host answered. Pure; anything malformed is no answer."""
    lines = said.decode("ascii", "replace").split("\n")
    shown = dict(line.partition("=")[::2] for line in lines if "=" in line and line[:4] != "ask ")
    invocation = shown.get("InvocationID", "") if shown.get("ActiveState") == "active" else ""
    answers: dict[str, str] = {}
    trouble = ""
    for line in lines:
        if not line.startswith("ask "):
            continue
        ask = _parsed(line)
        index = int(ask.vector) if ask is not None else len(golden.vectors)
        if ask is None or index >= len(golden.vectors):
            trouble = trouble or "an answer that is malformed"
            continue
        try:
            if ask.answer:
                answers[golden.vectors[index].name] = canonical_answer(ask.answer, golden.form)
        except AnswerError as error:
            trouble = trouble or str(error)
        trouble = trouble or ask.trouble
    settings = None
    if shown.get("settings") == "yes":
        settings = tuple(
            Setting(name=name.removeprefix("set_"), value=value)
            for name, value in shown.items()
            if name.startswith("set_")
        )
    return ScorerPoll(invocation, answers, trouble, settings, read_queue(lines))


def read_queue(lines: Iterable[str]) -> int | None:
    """How many requests wait, over all series; None where no line tells, or one is malformed."""
    words = [line.split(" ") for line in lines if line.startswith("queue ")]
    try:
        found = [counted(one[1]) for one in words]
    except TextError:
        return None
    return int(sum(found)) if found else None


def _parsed(line: str) -> Ask | None:
    """The line of `poll_command`: curl's exit status is the last line of what is packed."""
    words = line.split(" ")
    try:
        packed = base64.b64decode(words[3], validate=True)
        told, _, ended = packed.rpartition(b"\n")
        status = ended.decode("ascii", "replace")
        again = base64.b64encode(told).decode()
        (ask,) = parse_asks(f"ask {words[1]} 1 {status} 0 {again}")
    except (ValueError, IndexError, TextError):
        return None
    return ask
