"""What the containers of pods compute with: which model they say they loaded, and the declared
settings that their pods set plainly.

The log is read from its beginning, of this container and no earlier one: what an older one loaded
says nothing of the answers now. What an image or a ConfigMap sets is not in the pod, and not known.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from remediations.reach.background import run_in_thread
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, Request, get, namespaced
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.systems.kubernetes.look import read_answer
from remediations.systems.kubernetes.tree import Tree, at, items, text, trees
from remediations.systems.kubernetes.values import Pod
from remediations.systems.scorer.values import ModelLoaded, Setting
from remediations.systems.scoringpods.reading import Computes
from remediations.values.lines import TextError, split_lines
from remediations.values.reading import Known, Reading, Unknown, Why

LOG_BYTES = 262_144
LOG_LIMIT_S = 5.0
AT_ONCE = 8
MOST_PODS = "500"
_LOADED = re.compile(r"Model loaded successfully .*\bhash=([0-9a-f]{64})\b")
_VERSION = re.compile(r"\bversion=([A-Za-z0-9_.+-]{1,64})")
_OK = 200


async def read_computes(
    api: KubernetesApi,
    cluster: ClusterEntry,
    pods: Mapping[str, Pod],
    container: str | None,
    names: Collection[str],
) -> Mapping[str, Computes]:
    """Of each of these pods (uid → pod) what its container computes with, by uid; a pod that is not
    there any more, or has another form, is left out. `container` is the one that scores, None where
    there is only one; `names` are the declared settings. Never raises for what a cluster does."""
    asked = get(
        namespaced("v1", cluster.namespace, "pods"),
        f"pods in {cluster.namespace}",
        verb="list",
        limit=MOST_PODS,
    )
    listed = await read_answer(api, asked, items)
    if isinstance(listed, Unknown):
        return {}
    room = asyncio.Semaphore(AT_ONCE)

    async def one(tree: Tree) -> tuple[str, Computes] | None:
        uid = str(at(tree, "metadata", "uid"))
        try:
            spec = container_of(tree, container)
            if uid not in pods or spec is None:
                return None
            name, settings = text(spec, "name"), plain_settings(spec, names)
        except TextError:  # another form than an API server's
            return None
        async with room:
            model = await _loaded(api, cluster.namespace, pods[uid].name, name)
        return uid, Computes(model=model, settings=settings)

    found = await asyncio.gather(*(one(tree) for tree in listed.value))
    return dict(pair for pair in found if pair is not None)


def container_of(pod: Tree, name: str | None) -> Tree | None:
    """The container of that name, or the only one; None where that does not say which."""
    every = [one for one in trees(pod, "spec", "containers") if name in (None, one.get("name"))]
    return every[0] if len(every) == 1 else None


def plain_settings(container: Tree, names: Collection[str]) -> tuple[Setting, ...]:
    """The declared settings that a container's pod sets by their values: variables of its
    environment, and flags (`--name`) of its command."""
    found = {
        str(one.get("name")): str(one["value"])
        for one in trees(container, "env")
        if isinstance(one.get("value"), str)
    }
    found |= dict(_flags([*_words(container, "command"), *_words(container, "args")]))
    return tuple(Setting(name=name, value=found[name]) for name in sorted(names) if name in found)


def _words(container: Tree, key: str) -> list[str]:
    words = at(container, key)
    return [str(one) for one in words] if isinstance(words, list) else []


def _flags(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, after in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            yield name, value if equals else after


def model_of_log(log: str) -> ModelLoaded:
    """What the last line about it says was loaded.

    Raises:
        TextError: no line says so.
    """
    for line in reversed(split_lines(log)):
        if found := _LOADED.search(line):
            version = _VERSION.search(line)
            return ModelLoaded(version=version[1] if version else "", sha256=found[1])
    raise TextError("the beginning of its log does not say which model was loaded")


async def _loaded(
    api: KubernetesApi, namespace: str, pod: str, container: str
) -> Reading[ModelLoaded]:
    request = Request(
        method="GET",
        path=f"{namespaced('v1', namespace, 'pods', pod)}/log",
        verb="get",
        resource=f"pods/log of {pod} in {namespace}",
        query={"container": container, "limitBytes": str(LOG_BYTES)},
    )
    try:
        status, data = await run_in_thread(api.ask_pod, request, LOG_LIMIT_S, 2 * LOG_BYTES)
        if status != _OK:
            return _unknown(request, Why.FAILED, f"{request.told}: HTTP {status}")
        loaded = model_of_log(data.decode("utf-8", "replace"))
    except ApiError as error:
        return _unknown(request, error.why, str(error))
    except TextError as error:
        return _unknown(request, Why.ABSENT, f"{request.told}: {error}")
    return Known(value=loaded, source=request.told, at=datetime.now(UTC))


def _unknown(request: Request, why: Why, reason: str) -> Unknown:
    return Unknown(why=why, reason=reason, source=request.told, at=datetime.now(UTC))
