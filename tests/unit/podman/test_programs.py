"""The programs that restart a container and remove a dead one, run for real under /bin/sh."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.podman.planned import PlannedContainer, PlannedContainerError
from remediations.systems.podman.programs import remove_dead_text, restart_text, restarted_probe
from tests.unit.podman.machine import DIGEST, NEW, OLD, UNIT, Machine

STOP, START = f"systemctl stop {UNIT}", f"systemctl start {UNIT}"
OTHER = f"sha256:{'d4' * 32}"


@pytest.fixture
def host(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_is_restarted_once(host: Machine) -> None:
    """The second time it finds that it was; the probe tells before and after."""
    text = restart_text(host.planned())
    done = host.run(text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"started: {UNIT} is active, container {NEW} of {DIGEST}\n"
    assert host.acts == [STOP, START]
    assert restarted_probe(host.planned()).words[0] == "unit-restarted"
    again = host.run(text)
    assert again.stdout.startswith(f"already so: {UNIT} was restarted since")
    assert host.acts == [STOP, START]


def test_one_that_was_restarted_since_and_does_not_run_is_no_success(host: Machine) -> None:
    host.show(InvocationID="e" * 32, ActiveState="activating")
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 64
    assert "restarted since, and scorer.service is activating" in done.stderr
    assert host.acts == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"cid": NEW}, "another container"),
        ({"digest": OTHER}, f"which is {OTHER} here"),
        ({"User": "alice"}, "run by alice"),
        ({"LoadState": "masked"}, "scorer.service masked"),
        (
            {"ExecStart": "{ argv[]=podman run --name scorer localhost/scorer:1 ; }"},
            "another image",
        ),
        ({"ExecStart": "{ argv[]=podman run --name other x ; }"}, "another container in"),
        ({"RequiredBy": "gw.service", "gw.service.ActiveState": "active"}, "gw.service, which is"),
    ],
)
def test_another_world_than_planned_is_left(
    host: Machine, changes: dict[str, str], word: str
) -> None:
    host.show(**changes)
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 64
    assert word in done.stderr
    host.dead()
    host.show(**changes)
    assert host.run(remove_dead_text(host.planned())).returncode == 64
    assert host.acts == []


def test_nothing_is_stopped_where_its_image_is_gone(host: Machine) -> None:
    """It would not come back: there is no registry to bring it."""
    (host.unit / "digest").unlink()
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 64
    assert "no image" in done.stderr
    host.dead()
    assert host.run(remove_dead_text(host.planned())).returncode == 64
    assert host.acts == []


def test_units_that_were_stopped_with_it_come_back(host: Machine) -> None:
    host.follower("gw.service", "BoundBy")
    done = host.run(restart_text(host.planned(dependants="gw.service")))
    assert done.returncode == 0
    assert "back: gw.service is active" in done.stdout
    assert host.acts == [STOP, START, "systemctl start gw.service"]


def test_a_dependant_that_stays_down_is_a_failure(host: Machine) -> None:
    host.follower("gw.service", "ConsistsOf")
    (host.unit / "gw.service.broken").touch()
    done = host.run(restart_text(host.planned(dependants="gw.service")))
    assert done.returncode == 1
    assert "gw.service, which was stopped with it, does not start" in done.stderr


@pytest.mark.parametrize("status", ["143", "129", "0"])
def test_an_end_by_the_signal_that_it_was_sent_is_no_failure(host: Machine, status: str) -> None:
    """The unit then says `failed`, which means nothing here."""
    stop = (host.unit / "on-stop").read_text()
    more = f"echo {status} >ExecMainStatus; echo failed >ActiveState; echo exit-code >Result\n"
    (host.unit / "on-stop").write_text(stop + more)
    done = host.run(restart_text(host.planned()))
    assert (done.returncode, done.stderr) == (0, "")
    assert "killed" not in done.stdout


def test_a_kill_is_told(host: Machine) -> None:
    stop = (host.unit / "on-stop").read_text()
    (host.unit / "on-stop").write_text(stop + "echo 137 >ExecMainStatus\n")
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 0
    assert f"killed: {UNIT} did not end when asked to" in done.stdout


def test_what_stays_after_the_stop_is_ended(host: Machine) -> None:
    """Its conmon is gone, and it still answers: the new one would lack its port."""
    stop = (host.unit / "on-stop").read_text().replace(": >processes", ":")
    (host.unit / "on-stop").write_text(stop)
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 1
    assert f"killed: processes 55 of {OLD} stayed after the stop" in done.stdout
    assert "stay" in done.stderr
    assert START not in host.acts


def test_a_container_that_keeps_its_name_is_removed_by_its_id(host: Machine) -> None:
    (host.unit / "keeps-container").touch()
    host.show(state="exited")
    done = host.run(restart_text(host.planned()))
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == [STOP, f"podman rm {OLD}", START]


def test_a_unit_that_starts_what_is_there_keeps_its_container(host: Machine) -> None:
    host.command("start -a scorer")
    (host.unit / "keeps-container").touch()
    start = (host.unit / "on-start").read_text().replace("[ ! -s cid ]", "true")
    (host.unit / "on-start").write_text(start.replace(NEW, OLD))
    done = host.run(restart_text(host.planned()))
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == [STOP, START]


def test_another_image_after_the_start_is_a_failure(host: Machine) -> None:
    start = (host.unit / "on-start").read_text()
    (host.unit / "on-start").write_text(f"{start}echo {OTHER} >image\n")
    done = host.run(restart_text(host.planned()))
    assert done.returncode == 1
    assert "(running, image) after the start" in done.stderr


def test_a_dead_container_is_removed_and_its_unit_started(host: Machine) -> None:
    """By its id, without force; the second time it finds it so."""
    host.dead()
    text = remove_dead_text(host.planned(invocation=""))
    done = host.run(text)
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == [STOP, f"podman rm {OLD}", START]
    assert f"removed: {OLD}" in done.stdout
    again = host.run(text)
    assert again.stdout == f"already so: {OLD} is gone, and {UNIT} runs\n"
    assert len(host.acts) == 3


def test_one_that_podman_still_calls_running_is_stopped_first(host: Machine) -> None:
    """Podman does not notice that its processes were killed together with their conmon."""
    host.dead()
    host.show(state="running")
    done = host.run(remove_dead_text(host.planned()))
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == [STOP, f"podman stop --time 1 {OLD}", f"podman rm {OLD}", START]
    assert "killed" not in done.stdout


def test_the_number_of_another_process_is_not_taken_for_its(host: Machine) -> None:
    host.dead()
    host.show(state="running", pid="1")
    done = host.run(remove_dead_text(host.planned()))
    assert done.returncode == 1
    assert "whose process 1 is another's now" in done.stderr
    assert host.acts == [STOP]


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("processes", "/proc/55/mountinfo", "processes 55 of"),
        ("listening", "LISTEN 0 1 127.0.0.1:8501", "somebody who listens on port 8501"),
        ("ActiveState", "active", "scorer.service active"),
        ("cid", NEW, "no container a1a1"),
    ],
)
def test_one_that_is_not_dead_is_left(host: Machine, file: str, text: str, word: str) -> None:
    host.dead()
    host.show(**{file: text})
    done = host.run(remove_dead_text(host.planned(port=8501)))
    assert done.returncode == 64
    assert word in done.stderr
    assert host.acts == []


def test_a_unit_that_needs_the_container_keeps_it(host: Machine) -> None:
    host.command("start -a scorer")
    host.dead()
    assert host.run(remove_dead_text(host.planned())).returncode == 64
    assert host.acts == []


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "x; reboot"},
        {"container": "$(reboot)"},
        {"id": "a1"},
        {"image": "-x"},
        {"digest": "latest"},
        {"dependants": "a.service;b"},
        {"port": 70_000},
        {"stop_timeout_s": "20"},
    ],
)
def test_malformed_values_do_not_reach_a_shell(
    host: Machine, changes: dict[str, str | int]
) -> None:
    with pytest.raises(PlannedContainerError):
        host.planned(**changes)


def test_words_are_read_as_data() -> None:
    words = {"unit": UNIT, "container": "c", "id": "", "image": "i", "digest": DIGEST}
    assert PlannedContainer.from_words({**words, "port": "8501"}).port == 8501
    with pytest.raises(PlannedContainerError):
        PlannedContainer.from_words({**words, "port": "x"})
    with pytest.raises(PlannedContainerError):
        PlannedContainer.from_words({"unit": UNIT})
