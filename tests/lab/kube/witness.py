"""A witness of pods: every change, in order and without a gap, or no witness.

The rules, so that "it saw nothing" can only mean that nothing happened:

1. List first. The watch begins at the version of that list, so nothing falls between the two.
2. A watch that ends goes on from the last version that it told. It ends often: the API server is
   asked to close it after some seconds, and one that hangs is killed.
3. Where the API server does not have that version any more (410), it is listed again. Pods that
   are gone have ended; what was ready in between is not known, and asking for it is an error.
4. At the end the pods that the events add up to have to be those that the API server lists, each in
   the same version. Otherwise something was missed, and the test fails.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab.kube.cluster import Cluster
from tests.lab.shell import LabError

Json = dict[str, Any]
WATCH_S = 20
"""Seconds after which the API server closes a watch."""
HANGS_S = WATCH_S + 10
"""Seconds after which a watch is taken for dead."""
PAUSE_S = 0.5
CAUGHT_UP_S = 60.0
"""Seconds that the events may take to add up to what is listed."""
GONE = 410


class Witness:
    """Every change of the pods of a selector, as the API server tells it."""

    def __init__(self, cluster: Cluster, namespace: str, selector: str) -> None:
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}"
        self._pods: dict[str, Json] = {}
        self._events: list[tuple[str, Json]] = []
        self._version = ""
        self._gaps: list[str] = []
        self._said: list[str] = []
        self._stopped = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    @property
    def least_ready(self) -> int:
        """The fewest pods that were ready, and not ending, at any moment after all had been."""
        assert not self._gaps, f"not all of it was seen: {self._gaps}"
        ready: set[str] = set()
        least, most = 0, 0
        for kind, pod in self._events:
            told = pod.get("status", {}).get("conditions", ())
            serves = any(one["type"] == "Ready" and one["status"] == "True" for one in told)
            ends = "deletionTimestamp" in pod["metadata"] or kind == "DELETED"
            (ready.add if serves and not ends else ready.discard)(pod["metadata"]["uid"])
            if len(ready) > most:
                least = most = len(ready)
            least = min(least, len(ready))
        return least

    @property
    def ended(self) -> list[str]:
        """The uids of the pods that ended, each as often as it did."""
        return [pod["metadata"]["uid"] for kind, pod in self._events if kind == "DELETED"]

    def begin(self) -> None:
        """List. What is there counts as added."""
        version, pods = self._listed()
        for pod in pods.values():
            self._tell("ADDED", pod)
        self._version = version

    def watch(self) -> None:
        """Follow until it is stopped."""
        while not self._stopped.is_set():
            try:
                if self._followed():
                    self._list_again()
            except LabError as error:  # the API server is away: it is asked again
                self._said.append(str(error)[-300:])
            self._stopped.wait(PAUSE_S)

    def prove(self) -> None:
        """That nothing was missed.

        Raises:
            LabError: the events do not add up to what there is.
        """
        end = time.monotonic() + CAUGHT_UP_S
        while True:
            with contextlib.suppress(LabError):
                listed = _versions(self._listed()[1])
                if _versions(self._pods) == listed:
                    return
            if time.monotonic() > end:
                seen = _versions(self._pods)
                raise LabError(f"no witness: it saw {seen}, there is {listed}; {self._said[-5:]}")
            time.sleep(PAUSE_S)

    def stop(self) -> None:
        """End it, and the program that it reads."""
        self._stopped.set()
        if self._process is not None:
            self._process.terminate()

    def _words(self, path: str) -> list[str]:
        kubectl = (str(self._cluster.bin / "kubectl"), "--kubeconfig", str(self._cluster.admin))
        return self._cluster.inside("timeout", str(HANGS_S), *kubectl, "get", "--raw", path)

    def _listed(self) -> tuple[str, dict[str, Json]]:
        """The version of the list, and the pods by uid. Without `resourceVersion`: the newest."""
        tree = json.loads(self._cluster.kubectl("get", "--raw", self._path))
        pods = {pod["metadata"]["uid"]: pod for pod in tree["items"]}
        return str(tree["metadata"]["resourceVersion"]), pods

    def _followed(self) -> bool:
        """Read one watch to its end. True: the version is too old, and has to be listed again."""
        more = f"&watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_S}"
        words = self._words(f"{self._path}{more}&resourceVersion={self._version}")
        pipe = subprocess.PIPE
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        ) as process:
            self._process = process
            if self._stopped.is_set():
                process.terminate()
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:  # it was cut off, and comes again
                    break
                if event["type"] == "ERROR":
                    self._said.append(line[:300])
                    return bool(event["object"].get("code") == GONE)
                if event["type"] != "BOOKMARK":
                    self._tell(event["type"], event["object"])
                self._version = event["object"]["metadata"]["resourceVersion"]
            if said := process.stderr.read(300):
                self._said.append(said)
            return "Expired" in said or "too old" in said

    def _list_again(self) -> None:
        version, pods = self._listed()
        self._gaps.append(f"{self._version} to {version}")
        for uid in set(self._pods) - set(pods):
            self._tell("DELETED", self._pods[uid])
        for pod in pods.values():
            self._tell("MODIFIED", pod)
        self._version = version

    def _tell(self, kind: str, pod: Json) -> None:
        self._events.append((kind, pod))
        if kind == "DELETED":
            self._pods.pop(pod["metadata"]["uid"], None)
        else:
            self._pods[pod["metadata"]["uid"]] = pod


def _versions(pods: dict[str, Json]) -> dict[str, str]:
    return {uid: pod["metadata"]["resourceVersion"] for uid, pod in pods.copy().items()}


@contextmanager
def witnessed(cluster: Cluster, namespace: str, selector: str) -> Iterator[Witness]:
    """Watch the pods meanwhile. What it says is whole once this has ended.

    Raises:
        LabError: it has missed something.
    """
    witness = Witness(cluster, namespace, selector)
    witness.begin()
    reader = threading.Thread(target=witness.watch)
    reader.start()
    try:
        yield witness
        witness.prove()
    finally:
        witness.stop()
        reader.join(timeout=HANGS_S)
