"""A pod, and why it is not ready: from answers of the API server to values. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec import UNSET

from remediations.render.printable import one_line
from remediations.systems.kubernetes.tree import SHORT, Tree, at, number, text, trees
from remediations.systems.kubernetes.values import Pod

BACK_OFF = "CrashLoopBackOff"
_STARTING = frozenset({"PodInitializing", "ContainerCreating"})
"""Words for what has not failed."""
_TOLD_TO_END = (0, 137, 143)
"""Exit codes after SIGKILL and SIGTERM, and of a process that ends well when it is asked to."""
_SOON_S = 5
"""What ends sooner than that ended by itself, whatever its probe is."""
_SLACK_S = 15
"""What a busy kubelet takes to probe, and to end."""
HASH_LABEL = "pod-template-hash"
_REVISION_LABEL = "controller-revision-hash"


def pod_of(tree: Tree, *, in_order: bool) -> Pod:
    """A pod; of one that is replaced in its turn (`in_order`), with its grace period."""
    statuses = trees(tree, "status", "containerStatuses")
    ready = any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in trees(tree, "status", "conditions")
    )
    ends = () if ready else tuple(_ends(tree, statuses))
    init = "" if ready else failing_init(tree)
    probe = "" if ready else ending_probe(tree, statuses)
    return Pod(
        name=text(tree, "metadata", "name"),
        uid=text(tree, "metadata", "uid"),
        phase=str(at(tree, "status", "phase") or "Unknown"),
        ready=ready,
        deleting=at(tree, "metadata", "deletionTimestamp") is not None,
        node=str(at(tree, "spec", "nodeName") or ""),
        template_hash=_template_hash(tree),
        image_ids=tuple(str(one.get("imageID") or "") for one in statuses),
        troubles=_words(ends),
        says=one_line(", ".join(dict.fromkeys(end.says for end in ends)))[:SHORT],
        restarts=sum(
            number(one, "restartCount", absent=0)
            for one in (*trees(tree, "status", "initContainerStatuses"), *statuses)
        ),
        grace_s=number(tree, "spec", "terminationGracePeriodSeconds", absent=30)
        if in_order
        else UNSET,
        failing_init=init or UNSET,
        ending_probe=probe or UNSET,
    )


def failing_init(pod: Tree) -> str:
    """The init container because of which nothing else of the pod runs, "" for none.

    Raises:
        TextError: something has another form.
    """
    for one in _unfinished(pod):
        if any(end.word not in _STARTING for end in _of_container(one)):
            return one_line(str(one.get("name") or "an init container"))[:64]
    return ""


def _unfinished(pod: Tree) -> Iterator[Tree]:
    """The statuses of init containers that keep others from their start: not those that did their
    work, and not sidecars that run."""
    for one in trees(pod, "status", "initContainerStatuses"):
        done = at(one, "state", "terminated", "exitCode") == 0
        runs = at(one, "state", "running") is not None and one.get("ready") is True
        if not (done or runs):
            yield one


def ending_probe(pod: Tree, statuses: list[Tree]) -> str:
    """The probe that ends a container before it is ready, in words, "" where none is known to.

    The kubelet ends what its probe calls dead with SIGTERM, then SIGKILL. So this is a container
    that ended as after one of them, not for memory, and ran for as long as its startup probe waits,
    or its liveness probe where it has no other (kserve PR#5063, triton#6469). A process that ends
    by itself does so at another time.

    Raises:
        TextError: something has another form.
    """
    containers = {one.get("name"): one for one in trees(pod, "spec", "containers")}
    for one in statuses:
        container = containers.get(one.get("name"))
        ended = at(one, "state", "terminated") or at(one, "lastState", "terminated")
        kind = next((k for k in ("startupProbe", "livenessProbe") if at(container, k)), "")
        if not kind or not isinstance(ended, dict) or ended.get("reason") == "OOMKilled":
            continue
        ran = _seconds(ended)
        least, most = _patience_s(pod, at(container, kind))
        if (
            ended.get("exitCode") in _TOLD_TO_END
            and ran is not None
            and max(least, _SOON_S) <= ran <= most
        ):
            name = one_line(str(one.get("name")))[:64]
            return f"the {kind} of {name} ends it {least} s after its start"
    return ""


def _patience_s(pod: Tree, probe: Tree) -> tuple[int, int]:
    """After how many seconds a container is ended that never answers its probe: at least, and at
    most, with what the probes and its end may take. Defaults are the API's."""
    period = number(probe, "periodSeconds", absent=10)
    fails = number(probe, "failureThreshold", absent=3)
    least = number(probe, "initialDelaySeconds", absent=0) + max(fails - 1, 0) * period
    grace = number(pod, "spec", "terminationGracePeriodSeconds", absent=30)
    return least, least + period + number(probe, "timeoutSeconds", absent=1) + grace + _SLACK_S


def _seconds(ended: Tree) -> int | None:
    """For how long it ran."""
    try:
        began, end = (datetime.fromisoformat(str(ended[k])) for k in ("startedAt", "finishedAt"))
        return int((end - began).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _template_hash(pod: Tree) -> str:
    """Which template it was made from: of a Deployment's, or of a StatefulSet's."""
    labels = at(pod, "metadata", "labels") or {}
    return str(labels.get(HASH_LABEL) or labels.get(_REVISION_LABEL) or "")


def troubles_of(pod: Tree) -> tuple[str, ...]:
    """The API's words for why a pod is not ready.

    Raises:
        TextError: something has another form.
    """
    return _words(tuple(_ends(pod, trees(pod, "status", "containerStatuses"))))


def _words(ends: tuple[_End, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(end.word for end in ends if end.word))


class _End(NamedTuple):
    """How a container stands or ended: the API's word for it, and a sentence."""

    word: str
    says: str


def _ends(tree: Tree, statuses: list[Tree]) -> Iterator[_End]:
    """Why a pod is not ready: its containers' own words and exit codes, else its condition.

    `CrashLoopBackOff` alone says nothing: how the last run ended is told, too.
    """
    told = False
    for init in _unfinished(tree):
        for end in _of_container(init):
            told = True
            yield _End(end.word, f"init container {init.get('name')}: {end.says}")
    for one in statuses:
        for end in _of_container(one):
            # What waits for an init container is told by that one.
            if not (told and end.word in _STARTING):
                told = True
                yield end
    if not told:
        for one in trees(tree, "status", "conditions"):
            if one.get("status") == "False":
                yield _end(one, "")


def _of_container(status: Tree) -> Iterator[_End]:
    """How it stands, and how its last run ended."""
    now = at(status, "state", "waiting") or at(status, "state", "terminated")
    last = at(status, "lastState", "terminated")
    for state, before in ((now, ""), (last, "before: ")):
        if isinstance(state, dict):
            yield _end(state, before)


def _end(state: Tree, before: str) -> _End:
    """Its word, with the exit code, or what is said about it. How long a restart waits moves."""
    word = one_line(str(state.get("reason") or ""))[:64]
    code = state.get("exitCode")
    more = f"exit {code}" if code is not None else str(state.get("message") or "")[:160]
    return _End(word, one_line(f"{before}{word} {'' if word == BACK_OFF else more}".strip()))
