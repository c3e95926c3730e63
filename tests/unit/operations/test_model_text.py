"""The programs that exchange a model, run for real under sh: with stand-ins for systemd."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from remediations.systems.scorer.planned_model import PlannedModel, PlannedModelError
from remediations.systems.scorer.swap_model import FILES, keep_text, put_back_text, swap_text

UNIT = "veid-scorer.service"
OLD_INVOCATION, NEW_INVOCATION = "1" * 32, "2" * 32
WHOLE = {"saved_model.pb": b"graph", "variables/data": b"weights" * 1000, "variables/none": b""}
OTHER = {"saved_model.pb": b"graph", "variables/data": b"others!" * 1000}


def loader_hash(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(b"".join(files[path] for path in sorted(files))).hexdigest()


def manifest(files: Mapping[str, bytes]) -> str:
    return ";".join(f"{len(files[path])} {path}" for path in sorted(files))


class Service:
    """A unit that serves what lay in its model directory when it was started."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.files = root, root / "bin", root / "files"
        self.models = root / "models"
        self.model = self.models / "trust_score"
        self.etc = root / "etc"
        for directory in (self.bin, self.files, self.models, self.etc):
            directory.mkdir()
        self.unit_file = self.etc / "veid-scorer.service"
        self.write(OTHER)
        self.unit_file.write_text(f"ExecStart=x --expected-hash {loader_hash(OTHER)}\n")
        (self.files / loader_hash(WHOLE)).write_bytes(b"".join(WHOLE[p] for p in sorted(WHOLE)))
        self.state("active", OLD_INVOCATION)
        (root / "required-by").write_text("")
        (root / "gateway").write_text("active\n")
        self.script(
            "systemctl",
            f"""
case $1 in
  show)
    case $5.$3 in
      gateway.service.ActiveState) cat {root}/gateway; exit ;;
      {UNIT}.RequiredBy) cat {root}/required-by; exit ;;
    esac
    case $3 in
      LoadState) echo loaded ;;
      ActiveState) cat {root}/active ;;
      InvocationID) cat {root}/invocation ;;
      FragmentPath) echo {self.unit_file} ;;
      DropInPaths) ;;
      ExecStart) cat {self.unit_file} ;;
    esac ;;
  stop) echo stop >>{root}/done; echo inactive >{root}/active; echo inactive >{root}/gateway ;;
  start)
    if [ "$2" = gateway.service ]; then
      [ -e {root}/gateway-broken ] || echo active >{root}/gateway
      exit 0
    fi
    echo start >>{root}/done
    [ ! -e {root}/broken ] || exit 1
    echo active >{root}/active; echo {NEW_INVOCATION} >{root}/invocation ;;
  daemon-reload) echo reload >>{root}/done ;;
esac
""",
        )
        self.script("sleep", "exit 0")
        self.script("setpriv", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')

    def script(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def state(self, active: str, invocation: str) -> None:
        (self.root / "active").write_text(f"{active}\n")
        (self.root / "invocation").write_text(f"{invocation}\n")

    def write(self, files: Mapping[str, bytes]) -> None:
        subprocess.run(["rm", "-rf", self.model], check=True)
        for name, content in files.items():
            path = self.model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    @property
    def planned(self) -> PlannedModel:
        return PlannedModel(
            unit=UNIT,
            model=str(self.model),
            sha256=loader_hash(WHOLE),
            manifest=manifest(WHOLE),
            replaces=loader_hash(OTHER),
            expects=loader_hash(OTHER),
            invocation=OLD_INVOCATION,
            stop_timeout_s=5,
        )

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        text = text.replace(FILES, str(self.files)).replace("/etc/systemd/system", str(self.etc))
        return subprocess.run(
            ["sh", "-c", text],
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
        )

    @property
    def with_gateway(self) -> PlannedModel:
        """The same, where a unit needs the service and the plan names it."""
        (self.root / "required-by").write_text("gateway.service\n")
        return replace(self.planned, dependants="gateway.service")

    @property
    def gateway(self) -> str:
        return (self.root / "gateway").read_text().strip()

    @property
    def found(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.model)): path.read_bytes()
            for path in self.model.rglob("*")
            if path.is_file()
        }

    @property
    def done(self) -> list[str]:
        file = self.root / "done"
        return file.read_text().split() if file.exists() else []

    @property
    def beside(self) -> list[str]:
        return sorted(path.name for path in self.models.iterdir())


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_the_model_is_exchanged_and_the_old_one_stays(service: Service) -> None:
    done = service.run(swap_text(service.planned))
    assert done.returncode == 0, done.stderr
    assert service.found == WHOLE
    assert service.done == ["stop", "reload", "start"]
    assert service.beside == [f".trust_score.remediate-{loader_hash(OTHER)[:16]}", "trust_score"]
    assert loader_hash(WHOLE) in service.unit_file.read_text()
    again = service.run(swap_text(service.planned))
    assert again.stdout.startswith("already so")
    assert service.done == ["stop", "reload", "start"]


def test_and_is_put_back(service: Service) -> None:
    assert service.run(swap_text(service.planned)).returncode == 0
    back = service.run(put_back_text(service.planned))
    assert back.returncode == 0, back.stderr
    assert service.found == OTHER
    assert service.beside == ["trust_score"]
    assert loader_hash(OTHER) in service.unit_file.read_text()
    assert service.run(put_back_text(service.planned)).stdout.startswith("already so")


@pytest.mark.parametrize("text_of", [swap_text, put_back_text])
def test_what_is_stopped_with_it_comes_back(
    service: Service, text_of: Callable[[PlannedModel], str]
) -> None:
    """Also where the step, or the way back, is repeated after it died before that."""
    planned = service.with_gateway
    assert service.run(swap_text(planned)).returncode == 0
    done = service.run(text_of(planned))
    assert (done.returncode, service.gateway) == (0, "active"), done.stderr
    (service.root / "gateway").write_text("inactive\n")
    again = service.run(text_of(planned))
    assert "already so" in again.stdout
    assert service.gateway == "active"


@pytest.mark.parametrize("text_of", [swap_text, put_back_text])
def test_a_unit_that_the_plan_does_not_name_is_not_stopped(
    service: Service, text_of: Callable[[PlannedModel], str]
) -> None:
    if text_of is put_back_text:
        assert service.run(swap_text(service.planned)).returncode == 0
    before, started = service.done, service.found
    planned = replace(service.with_gateway, dependants="")
    (service.root / "gateway").write_text("active\n")
    done = service.run(text_of(planned))
    assert done.returncode == 64
    assert "gateway.service, which is stopped with" in done.stderr
    assert (service.done, service.found, service.gateway) == (before, started, "active")


def test_one_that_stays_down_is_told(service: Service) -> None:
    planned = service.with_gateway
    (service.root / "gateway-broken").write_text("")
    done = service.run(swap_text(planned))
    assert done.returncode == 1
    assert "gateway.service, which was stopped with it, is inactive" in done.stderr


def test_a_start_that_fails_is_told_and_can_be_taken_back(service: Service) -> None:
    (service.root / "broken").write_text("")
    done = service.run(swap_text(service.planned))
    assert done.returncode == 1
    assert "systemctl start" in done.stderr
    (service.root / "broken").unlink()
    assert service.run(put_back_text(service.planned)).returncode == 0
    assert service.found == OTHER


def test_half_a_file_is_refused_before_anything_stops(service: Service) -> None:
    staged = service.files / loader_hash(WHOLE)
    staged.write_bytes(staged.read_bytes()[:-1])
    done = service.run(swap_text(service.planned))
    assert done.returncode == 64
    assert (service.done, service.found, service.beside) == ([], OTHER, ["trust_score"])


def test_another_division_into_files_is_refused(service: Service) -> None:
    """The same bytes in all, but not as many as the files take."""
    planned = replace(service.planned, manifest="5 saved_model.pb")
    done = service.run(swap_text(planned))
    assert done.returncode == 64
    assert (service.done, service.beside) == ([], ["trust_score"])


def test_a_model_that_changed_since_is_refused(service: Service) -> None:
    service.write({"saved_model.pb": b"third"})
    assert service.run(swap_text(service.planned)).returncode == 64
    assert service.done == []


def test_a_restart_since_is_refused(service: Service) -> None:
    service.state("active", "3" * 32)
    done = service.run(swap_text(service.planned))
    assert done.returncode == 64
    assert "restarted since" in done.stderr


def test_a_link_in_the_place_of_the_model_is_refused(service: Service) -> None:
    service.model.rename(service.root / "elsewhere")
    service.model.symlink_to(service.root / "elsewhere")
    assert service.run(swap_text(service.planned)).returncode == 64
    assert service.done == []


def test_a_directory_that_anybody_may_write_to_is_refused(service: Service) -> None:
    service.models.chmod(0o777)
    assert service.run(swap_text(service.planned)).returncode == 64


def test_an_expected_hash_in_a_file_of_a_package_is_left_alone(service: Service) -> None:
    text = swap_text(service.planned).replace("/etc/systemd/system", "/elsewhere")
    done = service.run(text)
    assert done.returncode == 64
    assert service.done == []


def test_a_donor_keeps_its_model_as_one_file(service: Service) -> None:
    service.write(WHOLE)
    kept = service.files / loader_hash(WHOLE)
    kept.unlink()
    done = service.run(keep_text(service.planned))
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == loader_hash(WHOLE)
    assert service.done == []
    assert service.run(keep_text(service.planned)).stdout.startswith("already so")


def test_a_donor_whose_model_changed_keeps_nothing(service: Service) -> None:
    kept = service.files / loader_hash(WHOLE)
    kept.unlink()
    assert service.run(keep_text(service.planned)).returncode == 64
    assert list(service.files.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unit", "x; reboot"),
        ("model", "/models"),
        ("model", "/var/../etc/x"),
        ("sha256", "A" * 64),
        ("manifest", ""),
        ("manifest", "5 ../x"),
        ("manifest", "5 a/../x"),
        ("manifest", "5 /etc/x"),
        ("manifest", "5 b;5 a"),
        ("manifest", "5 a;5 a"),
        ("manifest", "5 a b"),
        ("manifest", "5 export_metadata.json"),
        ("manifest", "-5 a"),
        ("replaces", "x"),
        ("invocation", "x"),
        ("dependants", "x; reboot"),
        ("stop_timeout_s", -1),
    ],
)
def test_what_is_malformed_is_refused(service: Service, field: str, value: object) -> None:
    with pytest.raises(PlannedModelError):
        PlannedModel.from_data({**vars(service.planned), field: value})
