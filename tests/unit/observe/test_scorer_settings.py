"""What a scoring service is set to: its environment file and the environment of its process."""

from __future__ import annotations

import os
import subprocess

import pytest

from remediations.systems.scorer.poll import environment_text, read_poll
from remediations.systems.scorer.values import EnvironmentFile
from remediations.values.reading import Known
from tests.unit.observe.scorer_place import Place


def written(place: Place, text: str, mode: int = 0o640) -> EnvironmentFile:
    """What is read of an environment file of that text."""
    place.environment.parent.mkdir()
    place.environment.write_text(text)
    place.environment.chmod(mode)
    read = place.read().environment
    assert isinstance(read, Known), read
    assert "hunter2" not in str(read)
    return read.value


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_of_an_environment_file_the_declared_names_are_read(place: Place) -> None:
    """And of no other name anything."""
    place.command = f"podman run --env-file {place.environment} image --threads 1"
    found = written(place, "SECRET=hunter2\nSCORER_THREADS=2\n")
    assert (found.trouble, found.taken, found.form) == ("", "--env-file", "")
    assert [(one.name, one.value) for one in found.settings] == [("SCORER_THREADS", "2")]
    assert (found.odd, found.over) == ((), ())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_an_odd_line_of_an_environment_file_is_told_and_not_shown(place: Place) -> None:
    place.command = f"podman run --env-file {place.environment} --env SCORER_THREADS=1 image"
    found = written(place, "SCORER_THREADS='hunter2'\nSECRET=hunter2")
    assert [one.name for one in found.odd] == ["SCORER_THREADS"]
    assert [one.value for one in found.over] == ["the command of the unit sets it"]
    assert found.form == "its last line does not end"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files of root")
def test_an_environment_file_of_others_is_not_read(place: Place) -> None:
    found = written(place, "SCORER_THREADS=2\n", mode=0o646)
    assert (found.trouble, found.taken) == ("others may write to it", "")
    assert found.settings == ()


def test_the_poll_of_a_run_reads_declared_names_only(place: Place) -> None:
    """Of the one process on the port, by a program that is run as root."""
    place.read()  # installs the stand-ins
    environment = {"A_B": "1", "A_BC": "hunter2", "LINES": "a\nA_B=3", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(["sleep", "60"], env=environment) as child:
        place.pid = str(child.pid)
        place.read()
        text = environment_text("http://127.0.0.1:8501/v1", ("A_B", "NONE"))
        done = subprocess.run(
            ["sh", "-c", text],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{place.bin}:{os.environ['PATH']}"},
        )
        child.kill()
    assert (done.returncode, done.stdout) == (0, "settings=yes\nset_A_B=1\n")
    read = read_poll(done.stdout.encode(), place.golden)
    assert [(one.name, one.value) for one in read.settings or ()] == [("A_B", "1")]
    assert read_poll(b"", place.golden).settings is None
