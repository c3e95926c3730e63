"""The fence of a namespace: one ConfigMap, whose number only rises. Every write has a precondition.

A lease that is renewed by time would not do: a controller that was stopped and woken believes for
seconds that it still leads. Here nobody believes anything: each write of a step is compared with
the object that it changes, and this record only keeps two plans from taking turns.

All targets of a plan are in one namespace, so all of them vote with one record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from remediations.engine.apply.driver import (
    NEVER_TAKEN,
    Fence,
    FencedOut,
    FenceRecord,
    NoAnswer,
)
from remediations.reach.background import run_in_thread
from remediations.render.printable import one_line
from remediations.systems.kubernetes.api import (
    ApiError,
    KubernetesApi,
    Request,
    get,
    namespaced,
)
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.tree import at

Tree = dict[str, Any]
NAME = "remediate-fence"
ATTEMPTS = 5
LONGEST = 400


class ConfigMapFences:
    """Keeps fences (`FenceKeeper`)."""

    def __init__(
        self, api: Callable[[], Awaitable[KubernetesApi]], entry: Callable[[], ClusterEntry]
    ) -> None:
        self._api = api
        self._entry = entry

    async def read_fence(self, target: str, resource: str) -> FenceRecord:
        """The record of a resource.

        Raises:
            NoAnswer: it cannot be read.
        """
        return _record(await self._read(target), resource)

    async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
        """Take it.

        Raises:
            FencedOut: another one holds it, or a later one did.
            NoAnswer: the API server did not answer.
        """

        def taken(found: FenceRecord) -> FenceRecord | None:
            if found.is_held_by(fence):
                return None  # by another target of the same plan
            if found.number >= fence.number or (found.held and found.number != over):
                raise FencedOut(f"{target} has another holder", got=str(found))
            return FenceRecord(number=fence.number, holder=fence.holder, held=True, text=text)

        await self._change(target, fence.resource, taken)

    async def give_fence(self, target: str, fence: Fence) -> None:
        """Give it back, if it is held by exactly this.

        Raises:
            NoAnswer: the API server did not answer.
        """

        def given(found: FenceRecord) -> FenceRecord | None:
            if not found.is_held_by(fence):
                return None
            return FenceRecord(
                number=found.number, holder=found.holder, held=False, text=found.text
            )

        await self._change(target, fence.resource, given)

    async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
        """Take it from whoever holds it.

        Raises:
            FencedOut: the record has this number, or a higher one.
            NoAnswer: the API server did not answer.
        """

        def stolen(found: FenceRecord) -> FenceRecord:
            if found.number >= number:
                raise FencedOut(f"{target} has another holder", got=str(found))
            return FenceRecord(number=number, holder="-", held=False, text=text)

        await self._change(target, resource, stolen)

    async def compare(self, target: str, fences: Sequence[Fence]) -> None:
        """Do nothing where all of these are held by exactly their holders.

        Raises:
            FencedOut: one is not.
            NoAnswer: the API server did not answer.
        """
        if not fences:
            return
        tree = await self._read(target)
        for fence in fences:
            found = _record(tree, fence.resource)
            if not found.is_held_by(fence):
                raise FencedOut(f"{target} has another holder", got=str(found))

    async def _read(self, target: str) -> Tree:
        try:
            return await self._ask(get(self._path(NAME), self._told))
        except ApiError as error:
            if error.status == 404:
                return {}
            raise NoAnswer(f"the fence of {target} cannot be read", got=str(error)) from error

    async def _change(
        self, target: str, resource: str, change: Callable[[FenceRecord], FenceRecord | None]
    ) -> None:
        """Write a record, of exactly the version that was read."""
        for _ in range(ATTEMPTS):
            tree = await self._read(target)
            record = change(_record(tree, resource))
            if record is None:
                return
            try:
                await self._ask(self._written(tree, resource, record))
            except ApiError as error:
                if error.status == 409:
                    continue
                raise NoAnswer(f"the fence of {target} cannot be written", got=str(error)) from (
                    error
                )
            return
        raise NoAnswer(f"the fence of {target} moves too fast", got="409 Conflict")

    def _written(self, tree: Tree, resource: str, record: FenceRecord) -> Request:
        held = "held" if record.held else "given"
        line = f"{record.number} {record.holder} {held} {one_line(record.text)[:LONGEST]}"
        meta: Tree = {"name": NAME, "namespace": self._entry().namespace}
        data = {**(tree.get("data") or {}), _key(resource): line}
        if tree:
            meta["resourceVersion"] = at(tree, "metadata", "resourceVersion")
            meta["uid"] = at(tree, "metadata", "uid")
        return Request(
            method="PUT" if tree else "POST",
            path=self._path(NAME if tree else ""),
            verb="update" if tree else "create",
            resource=self._told,
            body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data},
        )

    async def _ask(self, request: Request) -> Tree:
        api = await self._api()
        return await run_in_thread(api.ask, request)

    def _path(self, name: str) -> str:
        return namespaced("v1", self._entry().namespace, "configmaps", name)

    @property
    def _told(self) -> str:
        return f"configmaps/{NAME} in {self._entry().namespace}"


def _key(resource: str) -> str:
    return hashlib.sha256(resource.encode()).hexdigest()


def _record(tree: Tree, resource: str) -> FenceRecord:
    """The record of a resource.

    Raises:
        NoAnswer: somebody else has written something there.
    """
    line = at(tree, "data", _key(resource))
    if line is None:
        return NEVER_TAKEN
    number, _, rest = str(line).partition(" ")
    holder, _, rest = rest.partition(" ")
    word, _, text = rest.partition(" ")
    if not number.isdigit() or len(number) > 18 or word not in ("held", "given"):
        raise NoAnswer(f"configmaps/{NAME} has another form", got=one_line(str(line))[:80])
    return FenceRecord(number=int(number), holder=holder, held=word == "held", text=text)
