"""Whether readers have the key that they are to have, by asking each host again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from remediations.engine.apply.look import Sight
from remediations.engine.verify.given import Given
from remediations.engine.verify.pinned_reach import pinned_reach
from remediations.engine.verify.result import NotVerified
from remediations.playbooks.keys.checks.titles import READER_CHECKS
from remediations.playbooks.keys.key_file_gates import (
    ReaderBefore,
    ReadersBefore,
    ReadersLook,
    file_lacks,
    former_lacks,
    ready_lacks,
    unit_lacks,
)
from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import HostUnreachable
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.poll import POLL_LIMIT_S, ReaderPoll, poll_command, read_poll

Saw = Callable[[str], None]
Found = tuple[tuple[ReaderBefore, ReaderPoll], ...]


@pytest.fixture(scope="session")
def readers(given: Given) -> ReadersBefore:
    """How the readers were, and which key they are to have."""
    return given.plan.part(ReadersBefore)


@pytest.fixture(scope="session")
def reach(given: Given, readers: ReadersBefore) -> Iterator[BlockingReach]:
    """Connections by exactly the names, routes and host keys that the plan pins."""
    hosts = {one.host for one in readers.readers}
    with pinned_reach(given, hosts) as reach:
        yield reach


@pytest.fixture(scope="session")
def found(
    readers: ReadersBefore,
    reach: BlockingReach,
    seen: Callable[[Callable[[], Sight]], None],
) -> Found:
    """The readers that were acted on, asked now. The report shows all of them, too."""
    polls: Mapping[str, ReaderPoll] = {
        one.host: _asked(reach, one.host, poll_command(one)) for one in readers.targets
    }
    seen(lambda: ReadersLook(before=readers, polls=polls).sight)
    rows = tuple((one, polls[one.host]) for one in readers.readers if one.acts)
    silent = "; ".join(f"{one.host}: {poll.trouble}" for one, poll in rows if poll.trouble)
    if silent or not rows:
        raise NotVerified(silent or "the plan acts on no reader")
    return rows


def _asked(reach: BlockingReach, host: str, command: str) -> ReaderPoll:
    try:
        return read_poll(reach.run(host, command, timeout_s=POLL_LIMIT_S).stdout)
    except HostUnreachable as error:
        return ReaderPoll(trouble=error.what)


def _none(lacks: Mapping[str, list[str]], saw: Saw, told: str) -> None:
    """No host lacks anything; which do, and what."""
    bad = {host: "; ".join(those) for host, those in lacks.items() if those}
    saw(f"{len(lacks) - len(bad)} of {len(lacks)} readers {told}")
    assert not bad, "; ".join(f"{host}: {those}" for host, those in bad.items())


@pytest.mark.check("RP20", READER_CHECKS["RP20"])
def test_files_have_the_new_key(found: Found, readers: ReadersBefore, saw: Saw) -> None:
    """By the fingerprint of the public half, computed on the host."""
    lacks = {one.host: file_lacks(one, poll, readers.recipient) for one, poll in found}
    _none(lacks, saw, f"have {readers.recipient[:12]} in a file as declared")


@pytest.mark.check("RP21", READER_CHECKS["RP21"])
def test_units_were_told(found: Found, saw: Saw) -> None:
    """Another invocation, or another change of state, than when the plan was made."""
    told = {
        one.host: unit_lacks(one, poll.unit)
        for one, poll in found
        if one.entry.told is not Told.READS_EACH_TIME
    }
    each = len(found) - len(told)
    _none(told, saw, f"run, and were told since; {each} read the file each time")


@pytest.mark.check("RP22", READER_CHECKS["RP22"])
def test_readers_are_ready(found: Found, saw: Saw) -> None:
    """In the words of the inventory: a URL that answers 200, or a unit that is active."""
    _none({one.host: ready_lacks(one, poll) for one, poll in found}, saw, "say that they are ready")


@pytest.mark.check("RP23", READER_CHECKS["RP23"])
def test_the_old_key_is_gone(found: Found, saw: Saw) -> None:
    """Beside the file, where `install-key` had kept it."""
    lacks = {one.host: former_lacks(poll) for one, poll in found}
    _none(lacks, saw, "have no file of the old key")
