"""Resets what was derived from a key: calls once, and lets the item's own probe say what it did.

1. A call is made on the machine that the inventory names, and nowhere else: its claims are there.
2. The claim is on disk before the process that calls; its lock is taken here and inherited. The
   process has a session of its own: whatever becomes of us, the call is made once and to its end.
3. What a call answers is not its outcome: a service may answer 200 and do nothing, or do it and
   answer 500 or nothing. The outcome is what the probe says, for as long as the item allows.
4. Only where nothing was sent or started that is a result by itself.
5. A probe without an answer settles nothing: it is asked again, and the step is unknown in the end.
   Nothing is ever called again under one name.

Without fences: the machine is one, and its claims exclude a second call of one plan. The lock on
the key excludes another plan on this machine.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from remediations.engine.apply.driver import (
    Fence,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.apply.kept_step import launch_kept
from remediations.engine.plan.plan import Step
from remediations.errors import RemediationError
from remediations.reach.background import run_in_thread
from remediations.systems.sessions.calls import (
    LOG,
    CallClaim,
    CallDirectory,
    CallResult,
    calls_in,
)
from remediations.systems.sessions.inventory import SessionsEntry, sessions_of
from remediations.systems.sessions.probe import ProbeSilent, ask_probe
from remediations.systems.sessions.program import ProgramError, program_sha256
from remediations.systems.sessions.steps import START_S, ResetOrder
from remediations.values.inventory import Inventory

_MODULE = "remediations.systems.sessions.call"


class SessionsDriver:
    """Calls, and follows calls (`Driver`)."""

    def __init__(self, reach: object) -> None:
        self._reach = reach

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
        """Claim it and start the process that calls.

        Raises:
            AlreadyClaimed: it was called before.
            NotLaunched: this is not its machine, it is another item now, or its program is.
            LaunchFailed: the process could not be started.
        """
        del fences
        self._check(work)
        at = int(time.time())
        claim = CallClaim(plan=step.plan, step=step.step, payload=work.payload, at=at)
        call = self._call(step)

        def start() -> None:
            launch_kept(call, work, claim, _MODULE, log=LOG, limit_s=START_S)

        await run_in_thread(start)

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the step stands: by what is kept here, and by what its probe says."""
        return await run_in_thread(_probe, self._call(step), step, work)

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Claim it as one that is never called. One that was called is left alone."""
        del fences
        never = CallClaim(plan=step.plan, step=step.step, payload=None, at=int(time.time()))
        try:
            await run_in_thread(_void, self._call(step), never)
        except (RemediationError, OSError) as error:
            raise NoAnswer(f"{work.target}: it cannot be claimed", got=str(error)) from error
        return await self.probe(step, work)

    async def holds(self, work: Step) -> bool:
        """Not needed to settle a step: `probe` asks the item's own."""
        raise NoAnswer(f"{work.target}: its probe tells", got="no call is kept")

    @property
    def _entry(self) -> SessionsEntry:
        inventory = getattr(self._reach, "inventory", None)
        assert isinstance(inventory, Inventory), "connections know their inventory"
        entry = sessions_of(inventory)
        if entry is None:
            raise NoAnswer("nothing is reset from here", got="an inventory without `sessions`")
        return entry

    def _call(self, step: StepId) -> CallDirectory:
        return calls_in(self._entry.directory).of_step(step)

    def _check(self, work: Step) -> None:
        """Do nothing where the item of the plan is that of the inventory, and this its machine.

        Raises:
            NotLaunched: they differ, or a program is another one.
        """
        order, entry = order_of(work), self._entry
        item = entry.item(order.item.name)
        if item is None or item.text != order.item.text:
            got = "no such item" if item is None else item.text
            raise NotLaunched(f"{work.target} is another item in the inventory", got=got)
        here = socket.gethostname()
        if here != order.machine or entry.machine != order.machine:
            raise NotLaunched(f"{work.target} is reset from {order.machine}", got=here)
        if flaw := calls_in(entry.directory).flaw:
            raise NotLaunched("the directory of calls is not used", got=flaw)
        for path, planned in order.programs.items():
            try:
                found = program_sha256(path)
            except ProgramError as error:
                raise NotLaunched("the program cannot be used", got=str(error)) from error
            if found != planned:
                got = f"sha256 {found}, planned {planned}"
                raise NotLaunched(f"{path} is another program than planned", got=got)


def order_of(work: Step) -> ResetOrder:
    """What a step says.

    Raises:
        NotLaunched: it is no step of ours.
    """
    try:
        return ResetOrder.parse(work.payload)
    except ValueError as error:
        raise NotLaunched(f"{work.target} has no bytes of ours", got=str(error)) from error


def _void(call: CallDirectory, never: CallClaim) -> None:
    call.make()
    call.claim(never)


def _probe(call: CallDirectory, step: StepId, work: Step) -> ProbeResult:
    """Raises NoAnswer where neither the directory nor the item's probe says anything."""
    try:
        claim = call.claimed
        running = claim is not None and call.is_running  # before the result: it ends with one
        result = call.result
    except (RemediationError, OSError) as error:
        raise NoAnswer("the directory of calls cannot be read", got=str(error)) from error
    if claim is None:
        return ProbeResult(state=ProbeState.NOT_STARTED)
    if (claim.plan, claim.step) != (step.plan, step.step):
        got = f"step {claim.step} of plan {claim.plan[:16]}"
        raise NoAnswer(f"{work.target}: its claim is of another step", got=got)
    if claim.payload is None:
        return ProbeResult(state=ProbeState.VOIDED)
    if result is None and running:
        return ProbeResult(state=ProbeState.RUNNING, output="it is called")
    if result is not None and not result.made:
        told = f"nothing was sent or started: {result.says}"
        return ProbeResult(state=ProbeState.DONE, exit_status=1, error_output=told)
    return _settled(order_of(work), claim, result)


def _settled(order: ResetOrder, claim: CallClaim, result: CallResult | None) -> ProbeResult:
    """What the probe says after a call, whatever the call answered.

    Raises:
        NoAnswer: it says nothing that can be used.
    """
    item = order.item
    said = "its end was not seen" if result is None else result.says
    try:
        answer = ask_probe(item, order.programs)
    except ProbeSilent as silence:
        got = f"{silence}; of the call: {said}"
        raise NoAnswer(f"{item.target}: its probe does not tell", got=got) from silence
    if answer.is_done(order.since):
        told = f"done, by its probe: {answer.seen}; of the call: {said}"
        return ProbeResult(state=ProbeState.DONE, exit_status=0, output=told)
    ended = claim.at + START_S + item.call.within_s if result is None else result.at
    if time.time() < ended + item.done_within_s:
        return ProbeResult(state=ProbeState.RUNNING, output=f"not yet: {answer.seen}")
    called = "whether it was called is not known" if result is None else "it was called"
    told = (
        f"{called}, and {item.done_within_s} s later its probe says that it is not done: "
        f"{answer.seen}; of the call: {said}"
    )
    return ProbeResult(state=ProbeState.DONE, exit_status=1, error_output=told)
