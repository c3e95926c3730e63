"""Watches the lab while a contestant works, and says what was seen. Reads only the world."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.lab import Lab
from tests.lab.shell import LabError
from tests.lab.spec import NODES
from tests.lab.world import Daemon, Watch
from tests.soak.disaster import POWERS, Right
from tests.soak.scorer import Seen

SAMPLE_S = 0.2
SETTLE_S = 30.0
"""From the last word of a contestant until a chain that comes back is back."""
GROWS_S = 6.0
COMPARED = 8
"""So many heights are compared from those before on, and so many of the newest ones."""


@dataclass
class Notes:
    """What is noted while a rescue is watched; `seen` once it has ended."""

    right: Right
    went_on: bool
    top: int
    daemons: dict[str, Daemon | None]
    logs: dict[str, list[tuple[str, int]]]
    states: Watch = field(default_factory=Watch)
    ran: set[str] = field(default_factory=set)
    seen: Seen | None = None


@contextmanager
def watched(lab: Lab, right: Right) -> Iterator[Notes]:
    """Around a rescue, after everything was broken. `seen` is there afterwards."""
    logs = {spec.name: _log(lab, spec.name) for spec in NODES}
    notes = Notes(
        right=right,
        went_on=lab.grows(GROWS_S, blocks=1),
        top=lab.world.top(),
        daemons=lab.world.daemons(),
        logs={host: log for host, log in logs.items() if log},
    )
    stop = threading.Event()
    thread = threading.Thread(target=_sample, args=(lab, notes, stop), daemon=True)
    with lab.world.watch_sign_states() as states:
        notes.states = states
        thread.start()
        try:
            yield notes
            _settle(lab, right)
        finally:
            stop.set()
            thread.join()
    notes.seen = _seen(lab, notes)


def _log(lab: Lab, host: str) -> list[tuple[str, int]]:
    try:
        return lab.world.wal_inodes(host)
    except OSError:
        return []


def _sample(lab: Lab, notes: Notes, stop: threading.Event) -> None:
    """Which of those that must not run do run."""
    before = {h for h in notes.right.must_not_run if notes.daemons.get(h) is not None}
    while not stop.wait(SAMPLE_S):
        for host in notes.right.must_not_run - before - notes.ran:
            if _runs(lab, host):
                notes.ran.add(host)


def _runs(lab: Lab, host: str) -> bool:
    try:
        return lab.world.daemon(host) is not None
    except (OSError, IndexError, LabError):  # it ends while one looks
        return False


def _settle(lab: Lab, right: Right) -> None:
    """Wait until all who are to come back sign; or not, within the limit."""
    end = time.monotonic() + (SETTLE_S if right.goes_on else GROWS_S)
    while time.monotonic() < end:
        top = lab.world.top()
        if lab.grows(GROWS_S, blocks=3) and right.back <= _back(lab, top):
            return


def _back(lab: Lab, top: int) -> frozenset[str]:
    return _signing(lab) | {h for h in _following(lab, top) if h not in POWERS}


def _signing(lab: Lab) -> frozenset[str]:
    """The hosts whose key is in the newest commit that somebody shows."""
    heights = {host: h for host, h in lab.world.heights().items() if h}
    if not heights:
        return frozenset()
    host = max(heights, key=lambda name: heights[name])
    try:
        signers = lab.world.signers(host, heights[host] - 1)
    except (LabError, KeyError, TypeError):
        return frozenset()
    return frozenset(name for name in POWERS if lab.chain.address(name) in signers)


def _following(lab: Lab, top: int) -> frozenset[str]:
    return frozenset(h for h, seen in lab.world.heights().items() if seen and seen >= top)


def _seen(lab: Lab, notes: Notes) -> Seen:
    top = lab.world.top()
    goes_on = lab.grows(GROWS_S, blocks=2)
    after = lab.world.daemons()
    logs = {host: _log(lab, host) for host in notes.logs}
    return Seen(
        went_on=notes.went_on,
        goes_on=goes_on,
        signing=_signing(lab),
        following=_following(lab, top),
        lowered=tuple(notes.states.lowered()),
        logs_lost=tuple(h for h, log in notes.logs.items() if not set(log) <= set(logs[h])),
        ended=tuple(h for h, was in notes.daemons.items() if was is not None and after[h] != was),
        ran=tuple(sorted(notes.ran)),
        evidence=_evidence(lab),
        differing=_differing(lab, notes.top),
    )


def _evidence(lab: Lab) -> tuple[int, ...]:
    """Heights of blocks with evidence, on any node that answers.

    Raises:
        LabError: some answer, and none of them shows all of its blocks.
    """
    answering = [host for host, height in lab.world.heights().items() if height]
    found: set[int] = set()
    failed: list[LabError] = []
    for host in answering:
        try:
            found.update(lab.world.evidence(host))
        except LabError as error:  # it ends, or syncs, while one looks
            failed.append(error)
    if answering and len(failed) == len(answering):
        raise failed[0]
    return tuple(sorted(found))


def _differing(lab: Lab, before: int) -> tuple[int, ...]:
    """Heights after those of before at which two nodes have another state."""
    heights = {host: h for host, h in lab.world.heights().items() if h}
    if not heights:
        return ()
    top = max(heights.values())
    first = range(before + 1, min(before + COMPARED, top) + 1)
    chosen = sorted({*first, *range(max(before + 1, top - COMPARED), top + 1)})
    return tuple(n for n in chosen if len(_states(lab, n, heights)) > 1)


def _states(lab: Lab, number: int, heights: dict[str, int]) -> set[str]:
    found = set()
    for host, height in heights.items():
        if height >= number:
            try:
                found.add(lab.world.app_hash(host, number))
            except (LabError, KeyError):  # pruned, or not executed yet
                continue
    return found
