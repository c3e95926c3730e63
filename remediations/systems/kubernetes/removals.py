"""Takes one pod away, at most once, and never waits for ever.

The claim is the pod's own identity: a pod of this uid can end once. So:

- a pod that is gone or ends already needs nothing more, whoever ended it: the step has its effect;
- the request names the uid and the version that was read, so that what was compared is what goes: a
  pod that was made again under its name, or has become ready, is not touched;
- `void` writes an annotation, which makes another version: a request on its way finds that and is
  refused, so "never started" is final;
- a disruption budget that says no (429) is asked again for `WAIT_S`, then the step has not started,
  and says which budget it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    DriverError,
    Fence,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Step
from remediations.reach.background import run_in_thread
from remediations.systems.kubernetes.api import ApiError, get, write_patch
from remediations.systems.kubernetes.claims import PAUSE_S, REFUSED, VOID, claim_name, claim_of
from remediations.systems.kubernetes.connection import AnotherCluster, ClusterConnection
from remediations.systems.kubernetes.fence import ConfigMapFences
from remediations.systems.kubernetes.parse_nodes import is_ready
from remediations.systems.kubernetes.removal_steps import DELETE, REMOVALS, WAIT_S, Removal
from remediations.systems.kubernetes.tree import at

Tree = dict[str, Any]
ATTEMPTS = 8
ASK_AGAIN_S = 2.0
ASKS_TO_WAIT, BUDGET = 429, "DisruptionBudget"


def is_removal(work: Step) -> bool:
    """Whether the step takes a pod away."""
    return work.payload.startswith(tuple(f"{how} " for how in REMOVALS))


class PodRemover:
    """Carries removals out, by the rules of `Driver`."""

    def __init__(self, connection: ClusterConnection, fences: ConfigMapFences) -> None:
        self._connection, self._fences = connection, fences

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
        """Ask for the removal, until it is accepted or the time for a refusing budget is over.

        Raises:
            AlreadyClaimed: the step was voided.
            FencedOut: the namespace is not kept for us any more.
            NotLaunched: the pod is not what the plan was made for, or may not go.
            LaunchFailed, NoAnswer: it is not known whether it was accepted.
        """
        removal = _removal_of(work)
        end = time.monotonic() + WAIT_S
        moved = 0
        while True:
            await self._fences.compare(work.target, fences)
            pod = await self._pod(removal, launching=True)
            if _is_over(pod, removal):
                return
            told = claim_of(pod, step)
            if told is not None:
                raise AlreadyClaimed(f"{work.target} has had this step of this plan", got=told)
            if wrong := _wrong(pod, removal):
                raise NotLaunched(f"{removal.resource} is not what was planned", got=wrong)
            refusal = await self._asked(removal, str(at(pod, "metadata", "resourceVersion")))
            if refusal is None:
                return
            if refusal.status == ASKS_TO_WAIT:
                if time.monotonic() > end:
                    raise NotLaunched(_refused(removal, refusal), got=str(refusal))
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            moved += 1
            if moved >= ATTEMPTS:
                raise NotLaunched(f"{removal.resource} moves too fast", got=str(refusal))
            await asyncio.sleep(PAUSE_S)

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the step stands, from the pod."""
        removal = _removal_of(work)
        return _standing(await self._pod(removal), step, removal)

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Mark the pod, so that no request on its way finds the version that it names."""
        removal = _removal_of(work)
        for _ in range(ATTEMPTS):
            pod = await self._pod(removal)
            seen = _standing(pod, step, removal)
            if seen.state is not ProbeState.NOT_STARTED:
                return seen
            await self._fences.compare(work.target, fences)
            if await self._marked(removal, pod, step):
                return ProbeResult(state=ProbeState.VOIDED)
            await asyncio.sleep(PAUSE_S)
        raise NoAnswer(f"{removal.resource} moves too fast to be claimed", got="409 Conflict")

    async def holds(self, work: Step) -> bool:
        """Whether the pod is gone, or ends."""
        removal = _removal_of(work)
        return _is_over(await self._pod(removal), removal)

    async def _pod(self, removal: Removal, *, launching: bool = False) -> Tree:
        """The pod as it is now, an empty one where it does not exist.

        Raises:
            NoAnswer: it cannot be read.
            NotLaunched: when launching: that proves that nothing was done.
        """
        try:
            api = await self._connection.api_of(removal.cluster)
            return await run_in_thread(api.ask, get(removal.pod_path, removal.resource))
        except ApiError as error:
            if error.status == 404:
                return {}
            if launching and error.status in REFUSED:
                raise NotLaunched(f"{removal.resource} cannot be read", got=str(error)) from error
            raise NoAnswer(f"{removal.resource} cannot be read", got=str(error)) from error
        except AnotherCluster as error:
            kind = NotLaunched if launching else NoAnswer
            raise kind(f"{removal.resource} is not here", got=str(error)) from error

    async def _asked(self, removal: Removal, version: str) -> ApiError | None:
        """Ask once. None: it was accepted, or the pod has gone meanwhile. A refusal that can be
        asked again is returned: of a disruption budget, or of a pod that has moved.

        Raises:
            NotLaunched, LaunchFailed, NoAnswer: what else an answer proves, or none.
        """
        try:
            api = await self._connection.api_of(removal.cluster)
            await run_in_thread(api.ask, removal.request(version))
        except ApiError as error:
            if error.status == 404:
                return None
            if error.status in (409, ASKS_TO_WAIT):
                return error
            _raise(removal, error)
        return None

    async def _marked(self, removal: Removal, pod: Tree, step: StepId) -> bool:
        """Void the step on exactly this version of the pod. False: it has moved, or is gone."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        meta = {
            "uid": removal.uid,
            "resourceVersion": at(pod, "metadata", "resourceVersion"),
            "annotations": {claim_name(step): f"{VOID} {now}"},
        }
        asked = write_patch(removal.pod_path, removal.resource, {"metadata": meta})
        try:
            api = await self._connection.api_of(removal.cluster)
            await run_in_thread(api.ask, asked)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise NoAnswer(f"{removal.resource} was not marked", got=str(error)) from error
        return True


def _removal_of(work: Step) -> Removal:
    try:
        return Removal.parse(work.payload)
    except ValueError as error:
        what = f"the step of {work.target} has no bytes of ours"
        raise NotLaunched(what, got=str(error)) from error


def _is_over(pod: Tree, removal: Removal) -> bool:
    """Whether the pod of this uid is gone, or ends."""
    meta = at(pod, "metadata") or {}
    return meta.get("uid") != removal.uid or meta.get("deletionTimestamp") is not None


def _wrong(pod: Tree, removal: Removal) -> str:
    """What of the pod is not as it was planned; "" for nothing."""
    node = str(at(pod, "spec", "nodeName") or "")
    if node != removal.node:
        return f"it is on {node or 'no node'}, expected {removal.node}"
    if at(pod, "spec", "terminationGracePeriodSeconds") == 0:
        return "its own grace period is 0: that is a forced deletion"
    if removal.how == DELETE and is_ready(pod):
        return "it is ready now, and not stuck"
    return ""


def _standing(pod: Tree, step: StepId, removal: Removal) -> ProbeResult:
    if _is_over(pod, removal):
        gone = at(pod, "metadata", "uid") != removal.uid
        said = f"{removal.resource} {'has gone' if gone else 'is ending'}"
        return ProbeResult(state=ProbeState.DONE, exit_status=0, output=said)
    told = claim_of(pod, step)
    state = ProbeState.NOT_STARTED if told is None else ProbeState.VOIDED
    return ProbeResult(state=state)


def _refused(removal: Removal, refusal: ApiError) -> str:
    """Who let it not go. An API server that has too much to do answers with the same number."""
    who = "its disruption budget" if refusal.cause == BUDGET else "the API server"
    return f"{removal.resource} was not taken away: {who} said no for {WAIT_S} s"


def _raise(removal: Removal, error: ApiError) -> NoReturn:
    kind: type[DriverError]
    if error.status in REFUSED or not error.sent:
        kind, what = NotLaunched, "was not taken away"
    elif error.status:
        kind, what = LaunchFailed, ": the API server failed"
    else:
        kind, what = NoAnswer, ": the request was not answered"
    raise kind(f"{removal.resource} {what}".replace(" :", ":"), got=str(error)) from error
