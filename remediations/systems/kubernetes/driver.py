"""Patches of objects, each at most once. The claim and the effect are one write. Pods are taken
away by `removals.py`.

A step reads its object, compares what it expects, and sends one patch of exactly the version that
it has read (`resourceVersion`), with the claim among the annotations. So:

- a claim without its effect does not exist, and neither does an effect without its claim;
- a patch that was not answered and arrives late finds another version, once `void` has written its
  own annotation, and is refused: "never started" is final;
- what somebody else has changed since the object was read is never lost: the API server refuses,
  the object is read again, and compared again.

docs/adr/0014-kubernetes.md says why this is not the claim that ADR 7 had sketched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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
from remediations.systems.kubernetes.claims import (
    CLAIM,
    LAUNCHED,
    PAUSE_S,
    REFUSED,
    VOID,
    claim_name,
    claim_of,
)
from remediations.systems.kubernetes.connection import AnotherCluster, ClusterConnection
from remediations.systems.kubernetes.fence import ConfigMapFences
from remediations.systems.kubernetes.node_steps import not_ours
from remediations.systems.kubernetes.removals import PodRemover, is_removal
from remediations.systems.kubernetes.steps import Write, unmet
from remediations.systems.kubernetes.tree import at

Tree = dict[str, Any]
ATTEMPTS = 8
"""Of one launch. Each follows a proof that nothing was changed: the object had moved (its status
is written all the time while a rollout is in trouble)."""
KEPT = timedelta(days=7)
"""A claim must outlive its plan and every resumption of it; then it may go."""


class KubernetesDriver:
    """Carries patches out (`Driver`)."""

    def __init__(self, reach: object) -> None:
        self._connection = ClusterConnection(reach)
        self._fences = ConfigMapFences(self._connection.api, lambda: self._connection.entry)
        self._remover = PodRemover(self._connection, self._fences)

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
        """Patch the object, if everything that the step expects of it holds.

        Raises:
            AlreadyClaimed: it has had this step.
            FencedOut: the namespace is not kept for us any more.
            NotLaunched: it is not what the step expects, or the write was refused.
            LaunchFailed: the API server failed, or lost the connection.
            NoAnswer: it did not answer.
        """
        if is_removal(work):
            return await self._remover.launch(step, work, fences)
        write = _write_of(work)
        await self._fences.compare(work.target, fences)
        for _ in range(ATTEMPTS):
            tree = await self._object(write, launching=True)
            told = claim_of(tree, step)
            if told is not None:
                raise AlreadyClaimed(f"{work.target} has had this step of this plan", got=told)
            wrong = (
                *unmet(tree, {"/metadata/uid": write.uid, **write.expect}),
                *not_ours(tree, write.expect),
            )
            if wrong:
                raise NotLaunched(
                    f"{write.resource} is not what the plan was made for: somebody has changed it",
                    got="; ".join(wrong),
                )
            if await self._patched(write, write.patch, tree, step, LAUNCHED):
                return None
            await asyncio.sleep(PAUSE_S)
        raise NotLaunched(
            f"{write.resource} was changed by others at each of {ATTEMPTS} attempts",
            got="409 Conflict",
        )

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the step stands, from the claim on its object."""
        if is_removal(work):
            return await self._remover.probe(step, work)
        write = _write_of(work)
        tree = await self._object(write)
        return _standing(tree, step, write)

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Claim the step as one that never happens: a patch on its way finds another version."""
        if is_removal(work):
            return await self._remover.void(step, work, fences)
        write = _write_of(work)
        for _ in range(ATTEMPTS):
            tree = await self._object(write)
            seen = _standing(tree, step, write)
            if seen.state is not ProbeState.NOT_STARTED:
                return seen
            await self._fences.compare(work.target, fences)
            try:
                if await self._patched(write, {}, tree, step, VOID):
                    return ProbeResult(state=ProbeState.VOIDED)
            except (NotLaunched, LaunchFailed) as error:
                raise NoAnswer(error.what, got=error.got) from error
            await asyncio.sleep(PAUSE_S)
        raise NoAnswer(f"{write.resource} moves too fast to be claimed", got="409 Conflict")

    async def holds(self, work: Step) -> bool:
        """Whether what the patch sets stands in the object, and is still ours."""
        if is_removal(work):
            return await self._remover.holds(work)
        write = _write_of(work)
        tree = await self._object(write)
        same = at(tree, "metadata", "uid") == write.uid
        return same and not unmet(tree, write.effect) and not not_ours(tree, write.effect)

    async def _object(self, write: Write, *, launching: bool = False) -> Tree:
        """The object as it is now; an empty one where it does not exist.

        Raises:
            NoAnswer: it cannot be read.
            NotLaunched: when launching: what reading it was refused with proves that nothing was
                done.
        """
        try:
            api = await self._connection.api_of(write.cluster)
            asked = get(write.path, write.resource)
            return await run_in_thread(api.ask, asked)
        except ApiError as error:
            if error.status == 404:
                return {}
            if launching and (error.status in REFUSED or not error.status):
                raise _before(error) from error
            raise NoAnswer(f"{write.resource} cannot be read", got=str(error)) from error
        except AnotherCluster as error:
            kind = NotLaunched if launching else NoAnswer
            raise kind(f"{write.resource} is not here", got=str(error)) from error

    async def _patched(
        self, write: Write, patch: Tree, tree: Tree, step: StepId, word: str
    ) -> bool:
        """Send the patch with the claim, for exactly this version. False: it has moved.

        Raises:
            NotLaunched: it was refused, which proves that nothing was changed.
            LaunchFailed, NoAnswer: it is not known whether it was.
        """
        meta = {
            "uid": write.uid,
            "resourceVersion": at(tree, "metadata", "resourceVersion"),
            "annotations": {
                **(at(patch, "metadata", "annotations") or {}),
                **_outlived(tree),
                claim_name(step): f"{word} {_now()}",
            },
        }
        asked = write_patch(write.path, write.resource, {**patch, "metadata": meta})
        try:
            api = await self._connection.api_of(write.cluster)
            await run_in_thread(api.ask, asked)
        except AnotherCluster as error:
            raise NotLaunched(f"{write.resource} is not here", got=str(error)) from error
        except ApiError as error:
            if error.status == 409:
                return False
            raise _failed(write, error) from error
        return True


def _write_of(work: Step) -> Write:
    try:
        return Write.parse(work.payload)
    except ValueError as error:
        what = f"the step of {work.target} has no bytes of ours"
        raise NotLaunched(what, got=str(error)) from error


def _failed(write: Write, error: ApiError) -> DriverError:
    """What the failure of a patch proves: that nothing was changed, or nothing at all."""
    if error.status in REFUSED or not error.sent:
        return NotLaunched(f"{write.resource} was not patched", got=str(error))
    if error.status:
        return LaunchFailed(f"{write.resource}: the API server failed", got=str(error))
    return NoAnswer(f"{write.resource}: the patch was not answered", got=str(error))


def _before(error: ApiError) -> NotLaunched | NoAnswer:
    """A launch that did not come to its patch: refused for good, or worth another attempt."""
    if error.status in REFUSED:
        return NotLaunched("the object could not be read, and nothing was patched", got=str(error))
    return NoAnswer("the API server did not answer, and nothing was patched", got=str(error))


def _standing(tree: Tree, step: StepId, write: Write) -> ProbeResult:
    if at(tree, "metadata", "uid") != write.uid:
        # The object is gone, or another one has its name: no patch of this uid can ever arrive.
        return ProbeResult(state=ProbeState.VOIDED)
    told = claim_of(tree, step)
    if told is None:
        return ProbeResult(state=ProbeState.NOT_STARTED)
    if told.startswith(VOID):
        return ProbeResult(state=ProbeState.VOIDED)
    return ProbeResult(state=ProbeState.DONE, exit_status=0, output=f"{write.resource} is patched")


def _outlived(tree: Tree) -> dict[str, None]:
    """The claims of plans that are long over, to be removed."""
    oldest = datetime.now(UTC) - KEPT
    notes = at(tree, "metadata", "annotations") or {}
    return {
        key: None
        for key, value in notes.items()
        if key.startswith(CLAIM) and _is_before(str(value).partition(" ")[2], oldest)
    }


def _is_before(text: str, oldest: datetime) -> bool:
    try:
        return datetime.fromisoformat(text) < oldest
    except (ValueError, TypeError):
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
