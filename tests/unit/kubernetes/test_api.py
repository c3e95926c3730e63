"""The client against servers that are slow, silent, large, or no API server at all; over TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remediations.systems.kubernetes import api as api_module
from remediations.systems.kubernetes.api import ApiError, KubernetesApi, get, write_patch
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.values.reading import Why
from tests.unit.kubernetes.tls_server import answering, certificate, kubeconfig_entry, served

ASKED = get("/api/v1/pods", "pods", verb="list")


@pytest.fixture
def answers() -> dict[str, Any]:
    """What the server says."""
    return answering()


@pytest.fixture
def entry(answers: dict[str, Any], tmp_path: Path) -> Iterator[ClusterEntry]:
    """A server, and a kubeconfig for it."""
    with served(answers, tmp_path) as entry:
        yield entry


def failed(entry: ClusterEntry, limit_s: float = 5.0) -> ApiError:
    """How asking ends."""
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(ASKED, limit_s)
    assert "SECRET" not in str(raised.value)
    return raised.value


def test_an_answer(entry: ClusterEntry, answers: dict[str, Any]) -> None:
    """A JSON object; the token of the kubeconfig goes with the question."""
    answers["body"] = b'{"kind": "PodList"}'
    assert KubernetesApi.connect(entry).ask(ASKED) == {"kind": "PodList"}
    assert answers["token"] == "Bearer SECRET-TOKEN"


@pytest.mark.parametrize(
    ("status", "why", "words"),
    [
        (401, Why.DENIED, "expired, revoked"),
        (403, Why.DENIED, "the role does not allow it"),
        (404, Why.ABSENT, "does not exist"),
        (429, Why.FAILED, "asks to wait"),
        (500, Why.FAILED, "the API server failed"),
    ],
)
def test_errors_name_verb_and_resource(
    entry: ClusterEntry, answers: dict[str, Any], status: int, why: Why, words: str
) -> None:
    """Each in words; and nothing is asked twice."""
    answers.update(status=status, body=b'{"message": "said"}')
    error = failed(entry)
    assert (error.why, error.status) == (why, status)
    assert "list pods" in str(error)
    assert words in str(error)
    assert answers["asked"] == 1


@pytest.mark.parametrize("body", [b"<html>", b"nothing", b"[1]", b""])
def test_what_is_no_api_server_is_said(
    entry: ClusterEntry, answers: dict[str, Any], body: bytes
) -> None:
    """A proxy's page is not an answer, whatever its status."""
    answers["body"] = body
    error = failed(entry)
    assert error.why is Why.MALFORMED
    assert "not an API server" in str(error)


def test_silence_ends_in_time(entry: ClusterEntry, answers: dict[str, Any]) -> None:
    """Once, not four times."""
    answers["pause_s"] = 3.0
    began = time.monotonic()
    assert failed(entry, 0.5).why is Why.TIME_LIMIT
    assert time.monotonic() - began < 2.0


def test_a_large_answer_is_cut(
    entry: ClusterEntry, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a limit in bytes."""
    monkeypatch.setattr(api_module, "ANSWER_BYTES", 1000)
    answers["body"] = b" " * 200_000
    assert failed(entry).why is Why.TOO_LARGE


@pytest.mark.parametrize(("status", "sent"), [(403, False), (409, False), (500, True)])
def test_a_write_that_failed_may_have_had_an_effect(
    entry: ClusterEntry, answers: dict[str, Any], status: int, sent: bool
) -> None:
    """A refusal has none; a failure may have one, and so may silence."""
    answers.update(status=status)
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(write_patch("/x", "x", {}))
    assert raised.value.sent is sent
    answers["pause_s"] = 2.0
    with pytest.raises(ApiError) as raised:
        KubernetesApi.connect(entry).ask(write_patch("/x", "x", {}), 0.3)
    assert raised.value.sent


def test_nobody_listens(tmp_path: Path) -> None:
    """Refused, and nothing was sent."""
    certificate(tmp_path)
    error = failed(kubeconfig_entry(tmp_path, "https://127.0.0.1:1"))
    assert (error.why, error.sent) == (Why.NOT_LISTENING, False)


@pytest.mark.parametrize(
    ("server", "cluster"),
    [("http://127.0.0.1:1", {}), ("https://127.0.0.1:1", {"insecure-skip-tls-verify": True})],
)
def test_an_unverified_server_is_refused(
    tmp_path: Path, server: str, cluster: dict[str, object]
) -> None:
    """A token would go to whoever answers."""
    certificate(tmp_path)
    error = failed(kubeconfig_entry(tmp_path, server, **cluster))
    assert (error.why, "not verified" in str(error)) == (Why.REFUSED, True)


@pytest.mark.parametrize("text", ["", "[]", "{", "a: b", '{"clusters": []}'])
def test_a_kubeconfig_in_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """Named, and nothing of it is quoted."""
    entry = kubeconfig_entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).write_text(text)
    assert failed(entry).why is Why.REFUSED


def test_a_kubeconfig_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """It may name a program that is run."""
    entry = kubeconfig_entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).chmod(0o666)
    assert failed(entry).why is Why.REFUSED


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    """Its name is told."""
    entry = kubeconfig_entry(tmp_path, "https://127.0.0.1:1")
    Path(str(entry.kubeconfig)).unlink()
    assert "No such file" in str(failed(entry))
