"""An API server in memory: objects with versions, strategic merge as far as our patches need it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from remediations.systems.kubernetes.api import ApiError, Request
from remediations.systems.kubernetes.inventory import WorkloadEntry, WorkloadKind, WorkloadRole
from remediations.values.reading import Why

Tree = dict[str, Any]
CLUSTER = "6c8f5d4e-0000-0000-0000-00000000c1a5"
UID = "11111111-2222-3333-4444-555555555555"
GOOD = f"registry.example.org/scorer@sha256:{'a' * 64}"
BAD = f"registry.example.org/scorer@sha256:{'b' * 64}"
APPS = "/apis/apps/v1/namespaces/scoring"
SCORER = f"{APPS}/deployments/scorer"
SCORER_ENTRY = WorkloadEntry(
    name="scorer",
    kind=WorkloadKind.DEPLOYMENT,
    role=WorkloadRole.SERVICE,
    floor=0,
    container=None,
    good=None,
)


def template(image: str, **extra: Any) -> Tree:  # noqa: ANN401 - a JSON tree
    """A pod template with one container."""
    return {
        "metadata": {"labels": {"app": "scorer"}},
        "spec": {"containers": [{"name": "scorer", "image": image, **extra}]},
    }


def deployment(image: str = BAD, **status: int) -> Tree:
    """A Deployment of two replicas: rolled out, unless `status` says otherwise."""
    told = {"observedGeneration": 7, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {
        "kind": "Deployment",
        "metadata": {"name": "scorer", "uid": UID, "generation": 7, "resourceVersion": "100"},
        "spec": {
            "replicas": 2,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": template(image),
        },
        "status": {**told, "readyReplicas": 2, **status},
    }


def replica_set(name: str, image: str, ready: int, **extra: Any) -> Tree:  # noqa: ANN401
    """A ReplicaSet of the Deployment."""
    tree = template(image, **extra)
    tree["metadata"]["labels"]["pod-template-hash"] = name
    return {
        "metadata": {
            "name": f"scorer-{name}",
            "uid": f"uid-of-{name}",
            "labels": {"pod-template-hash": name},
            "ownerReferences": [{"uid": UID, "controller": True}],
        },
        "spec": {"replicas": 2, "template": tree},
        "status": {"readyReplicas": ready},
    }


def pod(name: str, owner: str, image: str, *, reason: str = "", **meta: str) -> Tree:
    """A pod of a ReplicaSet; with a reason it is not ready."""
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-of-{name}",
            "labels": {"app": "scorer", "pod-template-hash": owner},
            "ownerReferences": [{"uid": f"uid-of-{owner}", "controller": True}],
            **meta,
        },
        "spec": {"nodeName": "n1"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False" if reason else "True"}],
            "containerStatuses": [{"imageID": image, "restartCount": 0, "state": state}],
        },
    }


class FakeApi:
    """Answers like an API server. `before` is called with each request that writes, and may change
    the world or raise; `after` likewise, once it was applied."""

    server = "https://fake"

    def __init__(self, scorer: Tree | None = None) -> None:
        self.objects: dict[str, Tree] = {
            "/api/v1/namespaces/kube-system": {"metadata": {"uid": CLUSTER}},
            SCORER: scorer or deployment(),
        }
        self.lists: dict[str, list[Tree]] = {}
        self.before: Callable[[Request], None] = lambda _: None
        self.after: Callable[[Request], None] = lambda _: None
        self.denied: set[str] = set()
        self.writes = 0
        self.budget_says_no = False
        self.pods_say: Callable[[Request], tuple[int, bytes]] = lambda _: (404, b"")

    def ask(self, request: Request, limit_s: float = 10.0) -> Tree:
        """The answer.

        Raises:
            ApiError: as the API server would.
        """
        if request.path.endswith("selfsubjectaccessreviews"):
            told = request.body["spec"]["resourceAttributes"]
            right = f"{told['verb']} {told['resource']}"
            return {"status": {"allowed": right not in self.denied}}
        if request.told in self.denied:
            raise ApiError(f"{request.told}: 403", why=Why.DENIED, status=403)
        if request.method == "GET" and request.verb == "list":
            return {"items": copy.deepcopy(self.lists.get(request.path.rpartition("/")[2], []))}
        if request.writes:
            self.before(request)
        answer = self._answer(request)
        if request.writes:
            self.writes += 1
            self.after(request)
        return answer

    def ask_pod(self, request: Request, limit_s: float, most_bytes: int) -> tuple[int, bytes]:
        """What a pod says through the API server (`pods_say`)."""
        if "create pods/proxy" in self.denied:
            raise ApiError(f"{request.told}: 403", why=Why.DENIED, status=403)
        return self.pods_say(request)

    def _answer(self, request: Request) -> Tree:
        if request.method == "DELETE" or request.path.endswith("/eviction"):
            return self._removed(request)
        if request.method == "POST":
            return self._created(request)
        found = self.objects.get(request.path)
        if found is None:
            raise ApiError(f"{request.told}: 404", why=Why.ABSENT, status=404)
        if request.method == "GET":
            return copy.deepcopy(found)
        meta = request.body.get("metadata", {})
        if meta.get("uid", found["metadata"]["uid"]) != found["metadata"]["uid"]:
            raise ApiError(f"{request.told}: 422", why=Why.FAILED, status=422)
        now = found["metadata"]["resourceVersion"]
        if meta.get("resourceVersion", now) != now:
            raise ApiError(f"{request.told}: 409", why=Why.FAILED, status=409)
        changed = merge(found, request.body) if request.method == "PATCH" else request.body
        return self._kept(request, found, copy.deepcopy(changed))

    def _removed(self, request: Request) -> Tree:
        """An eviction or a deletion: its preconditions, its budget, then the pod ends."""
        found = self.objects.get(request.path.removesuffix("/eviction"))
        if found is None:
            raise ApiError(f"{request.told}: 404", why=Why.ABSENT, status=404)
        body = request.body
        options = body.get("deleteOptions", body)
        for key, value in options["preconditions"].items():
            if found["metadata"][key] != value:
                raise ApiError(f"{request.told}: 409", why=Why.FAILED, status=409)
        if request.method == "POST" and self.budget_says_no:
            said = f"{request.told}: 429 The disruption budget keep needs 2 and has 2"
            raise ApiError(said, why=Why.FAILED, status=429, cause="DisruptionBudget")
        found["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:30Z"
        return {}

    def _created(self, request: Request) -> Tree:
        path = f"{request.path}/{request.body['metadata']['name']}"
        if path in self.objects:
            raise ApiError(f"{request.told}: 409", why=Why.FAILED, status=409)
        made: Tree = copy.deepcopy(request.body)
        made["metadata"].update(uid="made", resourceVersion="1")
        self.objects[path] = made
        return made

    def _kept(self, request: Request, found: Tree, changed: Tree) -> Tree:
        meta = changed["metadata"]
        meta["resourceVersion"] = str(int(found["metadata"]["resourceVersion"]) + 1)
        if "generation" in meta and changed.get("spec") != found.get("spec"):
            meta["generation"] = found["metadata"]["generation"] + 1
        if (request.query or {}).get("dryRun") != "All":
            self.objects[request.path] = changed
        return copy.deepcopy(changed)

    def touch(self) -> None:
        """The status of the Deployment is written: it has another version."""
        meta = self.objects[SCORER]["metadata"]
        meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)


def merge(tree: Tree, patch: Tree) -> Tree:
    """A strategic merge: lists of named entries by name, null removes."""
    merged = dict(tree)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(merged.get(key) or {}, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            by_name = {one["name"]: one for one in merged.get(key, [])}
            merged[key] = [
                *by_name_merged(by_name, value),
            ]
        else:
            merged[key] = value
    return merged


def by_name_merged(old: dict[str, Tree], new: list[Tree]) -> list[Tree]:
    """Entries of both, those of one name merged."""
    names = list(dict.fromkeys([*old, *(one["name"] for one in new)]))
    fresh = {one["name"]: one for one in new}
    return [merge(old.get(name, {}), fresh.get(name, {})) for name in names]
