"""A real cluster in which something else happens while a plan is applied: somebody who patches the
same object, an owner that leaves no mark, an API server that freezes."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.kube.service import NAMESPACE, SCORER, WORKLOAD, OnCall, Service
from tests.lab.operator import LIMIT_S

pytestmark = full_lab
APISERVER = "kube-apiserver"
OWNER_PERIOD_S = 10
UNVERIFIED = 8


@pytest.fixture
def oncall(service: Service, tmp_path: Path) -> OnCall:
    """Somebody with the role of the docs and a known good digest, and a release that crashes."""
    oncall = OnCall(service.cluster, tmp_path)
    oncall.inventory(_good(service))
    service.set_image(service.cluster.image("crash"))
    service.cluster.wait("a crash", lambda: oncall.condition() == "containers-crash")
    return oncall


def _good(service: Service) -> str:
    return f"{WORKLOAD}, good: '{service.cluster.images['good-1']}'"


def test_somebody_who_patches_all_the_time_loses_nothing(service: Service, oncall: OnCall) -> None:
    """Their marks on the object are all there, and ours; what is wanted was written once. (Labels:
    an annotation of a Deployment makes another generation, and is refused with 6.)"""
    good = f"{service.image.partition('@')[0]}@{service.cluster.images['good-1']}"
    run, generation = oncall.approved(), service.read()["metadata"]["generation"]
    ended = threading.Event()
    written: list[str] = []

    def patch() -> None:
        while not ended.is_set():
            mark = f"somebody/mark-{len(written)}=there"
            service.cluster.kubectl("label", "deployment", SCORER, "-n", NAMESPACE, mark)
            written.append(mark.partition("=")[0])

    somebody = threading.Thread(target=patch)
    somebody.start()
    try:
        applied = oncall.says("apply", run)
    finally:
        ended.set()
        somebody.join()
    assert applied.code == 0, applied.why
    meta = service.read()["metadata"]
    assert len(written) > 5
    assert set(written) <= set(meta["labels"])
    assert len(service.claims) == 1
    assert (service.image, meta["generation"]) == (good, generation + 1)


def test_an_owner_that_leaves_no_mark_is_found_by_its_next_turn(
    service: Service, oncall: OnCall
) -> None:
    """It takes the change back while KP3 waits: nothing is called verified that does not stand."""
    oncall.inventory(_good(service), more=f"  owner_period_seconds: {OWNER_PERIOD_S}\n")
    bad, run = service.image, oncall.approved()
    with oncall.start("apply", run, "--json") as process:
        oncall.meanwhile(process, "the goal", lambda: service.image != bad and service.whole())
        time.sleep(OWNER_PERIOD_S)
        service.set_image(bad)
        out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == UNVERIFIED, out
    assert "was changed back" in out
    assert oncall.says("status", run).result["state"] == "unverified"


def test_an_api_server_that_freezes_in_the_middle_of_the_write(
    service: Service, oncall: OnCall
) -> None:
    """The connection stands, and nobody answers. The patch may be applied when it wakes: once at
    most, and the run says nothing else."""
    bad, run = service.image, oncall.approved()
    generation = service.read()["metadata"]["generation"]
    with oncall.start("apply", run, "--json") as process:
        end = time.monotonic() + 60
        while "step-starting" not in oncall.journal(run) and time.monotonic() < end:
            time.sleep(0.002)
        service.cluster.signal(APISERVER, signal.SIGSTOP)
        time.sleep(15)
        service.cluster.signal(APISERVER, signal.SIGCONT)
        out, _ = process.communicate(timeout=240)
    written = service.read()["metadata"]["generation"] - generation
    assert written <= 1, out
    assert (process.returncode == 0) <= (written == 1), out
    assert len(service.claims) <= 1
    assert (service.image == bad) == (written == 0)
    time.sleep(5)
    assert service.read()["metadata"]["generation"] - generation == written
    assert json.loads(out)["exit_code"] == str(process.returncode)
    oncall.carried_through(run)
    assert service.read()["metadata"]["generation"] - generation == 1
