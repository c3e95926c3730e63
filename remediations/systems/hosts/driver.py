"""Steps on hosts, over SSH: the launcher runs them in a transient unit, with a claim on disk.

The session itself changes nothing, so nothing is lost with a connection.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    Fence,
    FencedOut,
    FenceRecord,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Step
from remediations.reach.connection import Completed, HostUnreachable
from remediations.reach.ssh import SshReach
from remediations.systems.hosts.guest import SYNC_SETTINGS, guest_functions
from remediations.systems.hosts.last_words import last_words
from remediations.systems.hosts.program import shell_text

LAUNCHER = shell_text("root_only.sh") + shell_text("launcher.sh")
LOOK_LIMIT_S = 5
PROBES = guest_functions(LOOK_LIMIT_S, SYNC_SETTINGS) + "".join(
    map(shell_text, ("jail.sh", "key_file.sh", "key_file_probe.sh", "probes.sh"))
)
TRIP_LIMIT_S = 20.0
INNER_LIMIT_S = 15
"""The limit on the host: closing a channel does not end what runs there."""
FOLLOW_S = 3
"""How long the host waits for the end of a step that runs, before it says so (1 to 9)."""
CLAIMED = 75
FENCED = 76
UNSAFE = 77
KEPT_BYTES = 65536 + 100
"""Of each output: the launcher sends its end, and a line on what was left out."""
ANSWER_BYTES = 2 * KEPT_BYTES * 4 // 3 + 1000
"""Two outputs in base64, and the state."""
_STATUS = re.compile("[0-9]{1,3}")
_RECORD = re.compile("([0-9]{1,18}) ([0-9a-f]{64}[.][0-9a-f]{16}|-) (held|given)\n([^\n]*)\n")
PROBED = {"probed yes": True, "probed no": False}


class SshDriver:
    """The `Driver` for hosts of the inventory."""

    def __init__(self, reach: SshReach) -> None:
        self._reach = reach

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Start the step, and return what `probe` would: a short one takes one session.

        Raises:
            Claimed: it was claimed before.
            FencedOut: the host does not keep one of the fences for us.
            NotLaunched: the host's records cannot be trusted.
            Unheard: it is not known whether it started.
            LaunchFailed: the launch failed (bad bytes, no sudo, disk full). This alone does not
                prove that nothing started: `void` does.
        """
        payload = work.payload.encode()
        digest = hashlib.sha256(payload).hexdigest()
        more = (str(work.timeout_s), digest, _words_of(fences), str(FOLLOW_S))
        done = await self._call(work.target, "launch", step, *more, stdin=payload)
        if done.exit_status == CLAIMED:
            raise AlreadyClaimed(
                f"{work.target} has run this step of this plan before",
                got=f"a claim for step {step} of plan {step.plan[:12]}; another attempt needs "
                "another plan",
            )
        if done.exit_status == FENCED:
            raise _fenced_out(work.target, done)
        if done.exit_status == UNSAFE:
            raise NotLaunched(
                f"{work.target} cannot keep a record of the step: /var/lib/remediate and all "
                "above it must belong to root, and be writable by nobody else",
                got=_end_of(done.stderr),
            )
        if done.exit_status != 0:
            raise LaunchFailed(
                f"{work.target} did not start the step",
                got=f"exit {done.exit_status}: {_end_of(done.stderr)}",
            )
        return _sighting(done, work.target)

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """The state of the step; of one that runs at its end, or after `FOLLOW_S`.

        Raises:
            Unheard: the host did not answer.
        """
        return _sighting(await self._call(work.target, "probe", step, str(FOLLOW_S)), work.target)

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Void the step unless it has started.

        Raises:
            FencedOut: it has not started, and the host does not keep one of the fences for us.
            Unheard: the host did not answer.
        """
        done = await self._call(work.target, "void", step, _words_of(fences))
        if done.exit_status == FENCED:
            raise _fenced_out(work.target, done)
        return _sighting(done, work.target)

    async def holds(self, work: Step) -> bool:
        """Whether the effect of the step is there, by its own probe, as root.

        Raises:
            Unheard: the host did not answer, or could not tell: that is not a "no".
        """
        words = shlex.join(work.probe)
        text = f"sudo -n timeout {INNER_LIMIT_S} /bin/sh -c {shlex.quote(PROBES)} remediate {words}"
        done = await self._run(work.target, text, b"")
        answer = done.stdout.decode(errors="replace").strip()
        if done.exit_status != 0 or answer not in PROBED:
            raise NoAnswer(
                f"{work.target} did not say whether the effect is there",
                got=f"exit {done.exit_status}: {_end_of(done.stderr)}",
            )
        return PROBED[answer]

    async def read_fence(self, target: str, resource: str) -> FenceRecord:
        """The record of a resource on a host.

        Raises:
            Unheard: the host did not answer, or its record cannot be read.
        """
        return await self._fence(target, "fence", resource)

    async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
        """Take the fence on a host.

        Raises:
            FencedOut: another one holds it, or a later one did, or its step still runs.
            Unheard: the host did not answer.
        """
        more = (fence.holder, str(fence.number), str(over), text)
        await self._fence(target, "take", fence.resource, *more)

    async def give_fence(self, target: str, fence: Fence) -> None:
        """Give the fence back on a host, if it is held by exactly this.

        Raises:
            Unheard: the host did not answer.
        """
        await self._fence(target, "give", fence.resource, fence.holder, str(fence.number))

    async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
        """Take a resource from whoever holds it on a host.

        Raises:
            FencedOut: the record has this number, or a higher one.
            Unheard: the host did not answer.
        """
        await self._fence(target, "steal", resource, str(number), text)

    async def _fence(self, host: str, verb: str, resource: str, *more: str) -> FenceRecord:
        done = await self._launcher(host, verb, _id_of(resource), *more)
        if done.exit_status == FENCED:
            raise _fenced_out(host, done)
        found = _RECORD.fullmatch(done.stdout.decode(errors="replace"))
        if done.exit_status != 0 or found is None:
            raise _unusable(host, f"exit {done.exit_status}: {_end_of(done.stderr)}")
        number, holder, word, text = found.groups()
        return FenceRecord(number=int(number), holder=holder, held=word == "held", text=text)

    async def _call(
        self, host: str, verb: str, step: StepId, *more: str, stdin: bytes = b""
    ) -> Completed:
        return await self._launcher(host, verb, step.plan, str(step), *more, stdin=stdin)

    async def _launcher(self, host: str, *arguments: str, stdin: bytes = b"") -> Completed:
        words = shlex.join(arguments)
        launcher = shlex.quote(LAUNCHER)
        text = f"sudo -n timeout {INNER_LIMIT_S} /bin/sh -c {launcher} remediate {words}"
        return await self._run(host, text, stdin)

    async def _run(self, host: str, text: str, stdin: bytes) -> Completed:
        try:
            connection = await self._reach.connect(host)
        except HostUnreachable as error:
            raise NoAnswer(error.what, got=error.got) from error
        try:
            done = await connection.run(
                text, stdin=stdin, timeout_s=TRIP_LIMIT_S, max_bytes=ANSWER_BYTES
            )
        except HostUnreachable as error:
            self._reach.forget(host, connection)  # it may be open, and refuse channels
            raise NoAnswer(error.what, got=error.got) from error
        if done.truncated:
            self._reach.forget(host, connection)
            raise _unusable(host, f"more than {ANSWER_BYTES} bytes")
        if done.timed_out or done.exit_status is None:
            self._reach.forget(host, connection)
            raise NoAnswer(f"{host} did not answer", got=f"nothing within {TRIP_LIMIT_S:.0f} s")
        return done


def _id_of(resource: str) -> str:
    return hashlib.sha256(resource.encode()).hexdigest()


def _words_of(fences: Sequence[Fence]) -> str:
    """The fences as the launcher takes them."""
    return ",".join(f"{_id_of(one.resource)}:{one.number}:{one.token}" for one in fences) or "-"


def _fenced_out(host: str, done: Completed) -> FencedOut:
    return FencedOut(f"{host} does not keep the fence for this run", got=_end_of(done.stderr))


def _end_of(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-300:] or "no message"


def _sighting(done: Completed, host: str) -> ProbeResult:
    """From the launcher's three lines: state, output, error output.

    Raises:
        Unheard: they are malformed. Nothing of them is repeated.
    """
    try:
        told, *kept, end = done.stdout.split(b"\n")
        word, _, status = told.decode(errors="replace").partition(" ")
        state = ProbeState(word)
        if end:
            raise ValueError("the last line is cut off")
        if state is ProbeState.DONE and not _STATUS.fullmatch(status):
            raise ValueError("an exit status is malformed")
        output, errors = map(_kept, kept)
    except ValueError:
        said = f"exit {done.exit_status}, {len(done.stdout)} bytes: {_end_of(done.stderr)}"
        raise _unusable(host, said) from None
    exit_status = int(status) if state is ProbeState.DONE else None
    return ProbeResult(
        state=state,
        exit_status=exit_status,
        output=output,
        error_output=errors,
        words=last_words(errors),
    )


def _kept(line: bytes) -> str:
    """An output of a step.

    Raises:
        ValueError: it is not base64, or longer than what a launcher sends.
    """
    if len(line) > KEPT_BYTES * 4 // 3 + 4:
        raise ValueError("an output is too long")
    return base64.b64decode(line, validate=True).decode(errors="replace")


def _unusable(host: str, got: str) -> NoAnswer:
    return NoAnswer(f"{host} gave no usable answer", got=got)
