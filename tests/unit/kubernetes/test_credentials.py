"""Credentials that are refused in the middle are read again: once per call, and for one cluster."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remediations.systems.kubernetes import credentials as credentials_module
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, get, write_patch
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.values.known_secrets import without_secrets
from tests.unit.kubernetes.tls_server import answering, served

ASKED = get("/api/v1/pods", "pods", verb="list")
OLD, NEW = "Bearer SECRET-TOKEN", "Bearer SECRET-NEW"


@pytest.fixture
def answers() -> dict[str, Any]:
    """A server that takes the old token."""
    return answering(takes={OLD})


@pytest.fixture
def entry(answers: dict[str, Any], tmp_path: Path) -> Iterator[ClusterEntry]:
    """It, and a kubeconfig with the old token."""
    with served(answers, tmp_path) as entry:
        yield entry


@pytest.fixture
def api(entry: ClusterEntry) -> KubernetesApi:
    """Connected, and answered once."""
    api = KubernetesApi.connect(entry)
    assert api.ask(ASKED) == {}
    return api


def edit(entry: ClusterEntry, **user: object) -> None:
    """Another user in the kubeconfig."""
    file = Path(str(entry.kubeconfig))
    tree = json.loads(file.read_text())
    tree["users"][0]["user"] = user
    file.write_text(json.dumps(tree))


def refused(api: KubernetesApi) -> str:
    """How asking ends: what is told."""
    with pytest.raises(ApiError) as raised:
        api.ask(ASKED)
    assert raised.value.status == 401
    assert "SECRET" not in str(raised.value)
    return str(raised.value)


def test_what_a_server_says_back_of_a_token_is_cleaned(api: KubernetesApi) -> None:
    """An error page may quote the header that it was sent."""
    assert api.ask(ASKED) == {}
    assert "SECRET" not in without_secrets("401: no user for Bearer SECRET-TOKEN")


def test_new_token_in_the_kubeconfig_is_taken(
    api: KubernetesApi, entry: ClusterEntry, answers: dict[str, Any]
) -> None:
    """By the call that was refused, and by all that follow without a refusal."""
    answers["takes"] = {NEW}
    edit(entry, token="SECRET-NEW")
    assert api.ask(ASKED) == {}
    assert api.ask(write_patch("/x", "x", {})) == {}
    assert answers["refused"] == 1


def test_token_file_and_credential_program_are_read_again(
    api: KubernetesApi, entry: ClusterEntry, answers: dict[str, Any], tmp_path: Path
) -> None:
    """What the kubeconfig names counts, not its own text alone."""
    (tmp_path / "token").write_text("SECRET-1")
    edit(entry, tokenFile=str(tmp_path / "token"))
    answers["takes"] = {"Bearer SECRET-1"}
    assert api.ask(ASKED) == {}
    (tmp_path / "token").write_text("SECRET-2")
    answers["takes"] = {"Bearer SECRET-2"}
    assert api.ask(ASKED) == {}
    told = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    told["status"] = {"token": "SECRET-3"}  # type: ignore[assignment]
    edit(
        entry,
        exec={
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", f"print({json.dumps(told)!r})"],
            "interactiveMode": "Never",
        },
    )
    answers["takes"] = {"Bearer SECRET-3"}
    assert api.ask(ASKED) == {}


def test_the_same_again_is_not_tried_again(api: KubernetesApi, answers: dict[str, Any]) -> None:
    """One question, and the refusal says that reading again gave nothing new."""
    answers.update(takes=set(), asked=0)
    told = refused(api)
    assert "expired, revoked" in told
    assert told.endswith("they were read again, and are the same")
    assert answers["asked"] == 1


def test_new_ones_that_are_refused_as_well_end_it(
    api: KubernetesApi, entry: ClusterEntry, answers: dict[str, Any]
) -> None:
    """Two questions, not more."""
    answers.update(takes=set(), asked=0)
    edit(entry, token="SECRET-NEW")
    assert refused(api).endswith("they were read again, and so are the new ones")
    assert answers["asked"] == 2


def test_a_kubeconfig_that_cannot_be_used_any_more_is_said(
    api: KubernetesApi, entry: ClusterEntry, answers: dict[str, Any]
) -> None:
    """With the file, and the credentials of before are kept: later calls may work again."""
    file = Path(str(entry.kubeconfig))
    text = file.read_text()
    answers["takes"] = set()
    file.write_text("{")
    assert f"{file} cannot be used: it is not YAML" in refused(api)
    edit_none = json.loads(text)
    edit_none["users"][0]["user"] = {}
    file.write_text(json.dumps(edit_none))
    assert refused(api).endswith("they were read again, and there are none")
    answers["takes"] = {OLD}
    assert api.ask(ASKED) == {}


def test_another_server_or_authority_is_not_followed(
    api: KubernetesApi, entry: ClusterEntry, answers: dict[str, Any], tmp_path: Path
) -> None:
    """Which cluster it is was proven with those of before; no token goes anywhere else."""
    answers.update(takes={NEW}, asked=0)
    file = Path(str(entry.kubeconfig))
    tree = json.loads(file.read_text())
    tree["users"][0]["user"] = {"token": "SECRET-NEW"}
    server = tree["clusters"][0]["cluster"]["server"]
    tree["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file.write_text(json.dumps(tree))
    assert "lead to another server or authority (https://127.0.0.1:1)" in refused(api)
    tree["clusters"][0]["cluster"]["server"] = server
    file.write_text(json.dumps(tree))
    authority = tmp_path / "tls.crt"
    authority.write_text(authority.read_text() + "\n")
    assert "lead to another server or authority" in refused(api)
    assert answers["asked"] == 2


def test_a_program_that_hangs_ends_in_time(
    api: KubernetesApi,
    entry: ClusterEntry,
    answers: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for it."""
    monkeypatch.setattr(credentials_module, "READ_LIMIT_S", 0.3)
    answers["takes"] = set()
    edit(
        entry,
        exec={
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sleep",
            "args": ["1"],
            "interactiveMode": "Never",
        },
    )
    began = time.monotonic()
    assert "there were no others within 0 s" in refused(api)
    assert time.monotonic() - began < 1.0


def test_calls_at_the_same_time_read_once(entry: ClusterEntry, answers: dict[str, Any]) -> None:
    """A look has a dozen calls; a credential program is run once for all of them."""
    read: list[float] = []

    def counting(asked: ClusterEntry) -> credentials_module.Session:
        read.append(time.monotonic())
        return credentials_module.read_session(asked)

    api = KubernetesApi(credentials_module.Credentials(entry, counting))
    answers.update(takes=set(), pause_s=0.2)
    threads = [threading.Thread(target=refused, args=(api,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 2
