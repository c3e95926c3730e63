"""What a deploy must know before it may act under plain pyinfra, asked of `remediate preflight`.

pyinfra runs the body of a deploy once per host, in parallel. A guard in one body would not keep
other hosts from acting. So the first body that arrives asks for all hosts to which the deploy is
limited, and every body gets that one verdict: a barrier before the first operation, with `--dry` as
with `-y`.

A child process is asked, because hosts are read in an event loop, and gevent has patched here what
an event loop needs:

1. All targets are hosts of one inventory file, through our connector.
2. The child reads every host of that file, judges, and says how it reached the targets.
3. pyinfra reaches each target in the same way: no other data (`--data`, group data) lead to another
   machine than the one that was judged.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from gevent.lock import BoundedSemaphore
from pyinfra.api.exceptions import DeployError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_host, ctx_state

import remediations
from remediations.render.printable import one_line
from remediations.systems.hosts.pyinfra.bounded import BoundedResult, run_bounded
from remediations.systems.hosts.pyinfra.connector import INVENTORY, OpenSSHConnector
from remediations.values.wire import WireError, decode

T = TypeVar("T")

LIMIT_S = 120
"""For the whole question; reading the slowest host takes at most a quarter of it."""
LAST_WORDS = 300
"""Characters of its stderr that are shown if it gives no answer."""
SHOWN = 20
"""How many guards one message has: each of a thousand hosts may have several."""

Data = Mapping[str, str]
"""What the driver of an action needs to know about one target; numbers are decimal."""


class BlockingGuard(msgspec.Struct, frozen=True):
    """A guard that does not pass, as in the document."""

    id: str
    subject: str
    got: str
    expected: str
    next_step: str

    def __str__(self) -> str:
        where = f" {self.subject}" if self.subject else ""
        return one_line(
            f"{self.id}{where}: got {self.got}; expected {self.expected}; next: {self.next_step}"
        )


class PreflightResult(msgspec.Struct, frozen=True):
    """The `result` of `remediate preflight --json`, as far as it is needed here."""

    blocked: tuple[BlockingGuard, ...]
    data: dict[str, dict[str, str]]
    connections: dict[str, dict[str, str]]


class PreflightFailure(msgspec.Struct, frozen=True):
    """Why the guards could not be judged: the `error` of the document."""

    what: str
    got: str
    expected: str
    next: str

    def __str__(self) -> str:
        return one_line(f"{self.what}: got {self.got}; expected {self.expected}; next: {self.next}")


class PreflightDocument(msgspec.Struct, frozen=True):
    """The document that it prints."""

    result: PreflightResult | None
    error: PreflightFailure | None


@dataclass
class _Asked:
    """One pyinfra run: a verdict for each action on each set of targets."""

    lock: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    verdicts: dict[tuple[str, ...], Mapping[str, Any] | str] = field(default_factory=dict)


_asked: WeakKeyDictionary[State, _Asked] = WeakKeyDictionary()


def preflight(action: str, made: Callable[[Data], T]) -> T:
    """What `made` makes of the data of the current host, if all guards of `action` pass on all
    targets. `made` raises ValueError for data that cannot be used.

    Raises:
        DeployError: a guard does not pass, or the guards could not be judged. Raised in every body,
            before any operation exists: nothing is changed.
    """
    state: State = ctx_state.get()
    host: Host = ctx_host.get()
    asked = _asked.setdefault(state, _Asked())
    limited = state.limit_hosts if state.limit_hosts is not None else list(state.inventory)
    targets = sorted(limited, key=lambda target: target.name)
    key = (action, *(target.name for target in targets))
    with asked.lock:
        if key not in asked.verdicts:
            asked.verdicts[key] = _verdict(action, targets, made)
    verdict = asked.verdicts[key]
    if isinstance(verdict, str):
        raise DeployError(f"nothing was changed; {verdict}")
    found: T = verdict[host.name]
    return found


def _verdict(
    action: str, targets: Sequence[Host], made: Callable[[Data], T]
) -> Mapping[str, T] | str:
    """What is made of the data of every target; or a text on why the action may not be taken."""
    try:
        inventory = _inventory_of(targets)  # 1
        result = _ask(action, targets, inventory)  # 2
        if not result.blocked:
            return {target.name: _made(target, result, made) for target in targets}
    except _Unjudged as error:
        return str(error)
    more = len(result.blocked) - SHOWN
    lines = [*map(str, result.blocked[:SHOWN]), *([f"and {more} more"] if more > 0 else [])]
    return "\n    ".join([f"{len(result.blocked)} guard(s) block:", *lines])


class _Unjudged(Exception):
    """The guards could not be judged for the machines that would be acted on."""

    def __init__(self, what: str, *, got: str, expected: str, next_step: str) -> None:
        super().__init__(str(PreflightFailure(what, got, expected, next_step)))


def _inventory_of(targets: Sequence[Host]) -> str:
    """The one file that names all targets. Not from `host.data`, which `--data` could change."""
    files = {
        str(target.inventory.get_host_data(target.name).get(INVENTORY, ""))
        if isinstance(target.connector, OpenSSHConnector)
        else ""
        for target in targets
    }
    if len(files) == 1 and "" not in files:
        return files.pop()
    raise _Unjudged(
        "guards are judged over a whole inventory",
        got="hosts that no inventory file names" if "" in files else f"{len(files)} of them",
        expected="one inventory file that names all targets",
        next_step="run it as `pyinfra @remediate/FILE.yaml … --limit HOST`",
    )


def _ask(action: str, targets: Sequence[Host], inventory: str) -> PreflightResult:
    words = ["preflight", action, "--inventory", inventory]
    words += ["--limit", ",".join(target.name for target in targets)]
    by_hand = f"`remediate {shlex.join(words)}`"
    command = [sys.executable, "-P", "-m", "remediations", *words, "--json"]
    try:
        printed = _printed(run_bounded(command, b"", limit_s=LIMIT_S, env=_environment()))
    except (TimeoutError, OSError, WireError) as error:
        raise _Unjudged(
            "`remediate preflight` gave no answer",
            got=str(error),
            expected=f"a document within {LIMIT_S} s",
            next_step=by_hand,
        ) from error
    if isinstance(printed, PreflightFailure):
        raise _Unjudged(
            printed.what, got=printed.got, expected=printed.expected, next_step=printed.next
        )
    return printed


def _printed(ended: BoundedResult) -> PreflightResult | PreflightFailure:
    """The result or the error in the output of a child that ended.

    Raises:
        WireError: the output cannot be used.
    """
    last_words = ended.stderr.decode("utf-8", "replace").strip()[-LAST_WORDS:]
    try:
        if ended.cut:
            raise WireError("more output than is taken")
        printed = decode(ended.stdout, PreflightDocument)
    except WireError as error:
        raise WireError(f"exit {ended.code}, {error}; {last_words}") from error
    found = printed.result or printed.error
    if found is None:
        raise WireError(f"exit {ended.code}, neither a result nor an error")
    return found


def _environment() -> dict[str, str]:
    """Ours, with our own package first, so that the child is of the same version."""
    package = str(Path(remediations.__path__[0]).parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _made(target: Host, result: PreflightResult, made: Callable[[Data], T]) -> T:
    _reached_as_judged(target, result)  # 3
    try:
        return made(result.data[target.name])
    except (KeyError, ValueError) as error:
        raise _Unjudged(
            f"what was read of {target.name} cannot be used",
            got=str(error),
            expected="what the deploy needs of each target",
            next_step="`remediate diagnose` shows what was read",
        ) from error


def _reached_as_judged(target: Host, result: PreflightResult) -> None:
    assert isinstance(target.connector, OpenSSHConnector)
    judged, acts = result.connections.get(target.name, {}), target.connector.data
    for key in sorted({*judged, *acts}):
        if judged.get(key) != acts.get(key):
            raise _Unjudged(
                f"{target.name} is not reached as it was judged",
                got=f"{key} {acts.get(key)!r}",
                expected=f"{judged.get(key)!r}, as the inventory says",
                next_step=f"leave {key} out of --data and group data",
            )
