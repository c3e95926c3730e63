"""The inference service on the nodes' hosts: model, unit and settings, as they are on a new chain.

The service is a container under a unit that was written by hand, with the lines of
`podman generate systemd --new` but for `--replace`. The chain's program is told of it by its unit's
environment.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab import loopback
from tests.lab.containers import REPOSITORY, ScorerBase, scorer_base
from tests.lab.machine import Machine
from tests.lab.shell import LabError

UNIT = "veid-scorer.service"
CONTAINER = "veid-scorer"
MODEL = "/var/lib/virtengine/ml/models/trust_score"
WEIGHTS = "variables/variables.data-00000-of-00001"
VERSION = "v1.0.0"
CONTROL = "/var/lib/veid-scorer/control"
PREDICT_PORT, METRICS_PORT = 8501, 9090
DIMENSION = 768
READY_LIMIT_S = 20.0
LANES = {"sse2": 4, "avx2": 8, "avx512": 16}
METADATA = "export_metadata.json"

ENVIRONMENT = "/etc/virtengine/scorer.env"
SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "SCORER_CONTROL": "/control",
    "SCORER_KERNEL": "avx2",
    "SCORER_WORKERS": "1",
    "SCORER_RATE": "50",
}
"""What the container's process has in its environment, by the file that its unit names."""

UNIT_TEXT = """[Unit]
Description=VEID scorer
Wants=network-online.target
After=network-online.target
RequiresMountsFor=%t/containers

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
RestartSec=1
TimeoutStopSec=30
ExecStartPre=/bin/rm -f %t/%n.ctr-id
ExecStart={start}
ExecStop=/usr/bin/podman stop --ignore --time=5 --cidfile=%t/%n.ctr-id
ExecStopPost=/usr/bin/podman rm --force --ignore --cidfile=%t/%n.ctr-id
Type=notify
NotifyAccess=all

[Install]
WantedBy=multi-user.target
"""

CLEAR = f"""
systemctl stop --no-block {UNIT} 2>/dev/null
systemctl kill -s KILL {UNIT} 2>/dev/null
systemctl stop {UNIT} 2>/dev/null
podman rm --all --force --time=0 >/dev/null 2>&1
rm -rf /etc/systemd/system/{UNIT}.d /run/systemd/system/{UNIT}.d /etc/systemd/system/{UNIT}
rm -rf {CONTROL} {MODEL} {ENVIRONMENT} {ENVIRONMENT}.remediate-old
mkdir -p {CONTROL}
true
"""


@dataclass(frozen=True)
class Command:
    """How a unit runs the scorer. `more`: further words for podman, in front of the image."""

    image: str
    hash: str
    version: str = VERSION
    more: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = tuple(SETTINGS.items())

    def unit_text(self) -> str:
        """The unit."""
        # `podman generate systemd` writes --cgroups=no-conmon, which fails without any.
        start = "/usr/bin/podman run --cidfile=%t/%n.ctr-id --cgroups=disabled --sdnotify=conmon"
        return UNIT_TEXT.format(start=" \\\n  ".join((start, *self._words())))

    def environment_text(self) -> str:
        """The file of its environment, with a line that is none of a plan's business."""
        lines = (f"{name}={value}" for name, value in self.settings)
        return "\n".join(("# of the scorer", *lines, "SCORER_SECRET=hunter2", ""))

    def by_hand(self) -> str:
        """What somebody types to start it without a unit."""
        return " ".join(("podman run --cgroups=disabled", *self._words()))

    def _words(self) -> list[str]:
        return [
            f"--rm --detach --pull=never --name {CONTAINER}",
            f"--env-file {ENVIRONMENT}",
            f"--volume {MODEL}:/models/trust_score:ro --volume {CONTROL}:/control",
            *self.more,
            self.image,
            f"--model-path /models/trust_score --model-version {self.version}",
            f"--expected-hash {self.hash}",
            f"--http-addr 127.0.0.1:{PREDICT_PORT} --metrics-addr 127.0.0.1:{METRICS_PORT}",
        ]


@dataclass(frozen=True)
class Scoring:
    """The scorer as all hosts have it."""

    base: ScorerBase

    @property
    def pinned(self) -> str:
        """The image by its digest."""
        return f"{REPOSITORY}@{self.base.digest}"

    @property
    def model_hash(self) -> str:
        """The hash of the model that everybody has."""
        return loader_hash(model_files("trust_score"))

    def command(self) -> Command:
        """The sound one."""
        return Command(self.pinned, self.model_hash)

    def environment(self) -> dict[str, str]:
        """What the chain's program has in its environment."""
        return {
            "VEID_INFERENCE_ENABLED": "true",
            "VEID_INFERENCE_USE_SIDECAR": "true",
            "VEID_INFERENCE_SIDECAR_ADDR": f"127.0.0.1:{PREDICT_PORT}",
            "VEID_INFERENCE_MODEL_PATH": MODEL,
            "VEID_INFERENCE_MODEL_HASH": self.model_hash,
        }

    def clear(self, machine: Machine) -> None:
        """Nothing of it runs or is left."""
        machine.sh(CLEAR)

    def install(self, machine: Machine) -> None:
        """Model and unit, and start it."""
        write_model(machine, model_files("trust_score"))
        write_unit(machine, self.command())
        machine.sh(
            f"systemctl reset-failed {UNIT} 2>/dev/null\nsystemctl enable --now --quiet {UNIT}"
        )
        wait_ready(machine)


def scoring() -> Scoring:
    """For `Lab`: builds what it needs.

    Raises:
        LabError: the build failed.
    """
    return Scoring(scorer_base())


def wait_ready(machine: Machine) -> None:
    """Wait until the scorer takes requests: the unit is started earlier than that.

    Raises:
        LabError: not in time.
    """
    end = time.monotonic() + READY_LIMIT_S
    init = machine.init()
    while init is None or not loopback.listens(init, PREDICT_PORT):
        if time.monotonic() > end:
            said = machine.sh(f"journalctl --quiet --no-pager --unit {UNIT} --lines 20")
            raise LabError(f"the scorer of {machine.name} does not listen: {said[-600:]}")
        time.sleep(0.05)


def model_files(name: str, version: str = VERSION) -> dict[str, bytes]:
    """The files of a model by path; another name gives other weights."""
    weights = struct.pack(f"<{DIMENSION}f", *(8 * value for value in features(f"weights {name}")))
    files = {"saved_model.pb": b"graph of a sum of products\n", WEIGHTS: weights}
    metadata = {"version": version, "model_hash": loader_hash(files)}
    return {**files, METADATA: json.dumps(metadata).encode()}


def loader_hash(files: dict[str, bytes]) -> str:
    """The real loader's rule: all contents in the order of their paths, without the metadata."""
    hasher = hashlib.sha256()
    for path in sorted(files):
        if Path(path).name != METADATA:
            hasher.update(files[path])
    return hasher.hexdigest()


def write_model(machine: Machine, files: dict[str, bytes]) -> None:
    """Replace the host's model."""
    directory = machine.path(MODEL)
    shutil.rmtree(directory, ignore_errors=True)
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_unit(machine: Machine, command: Command) -> None:
    """Replace the host's unit and the file of its environment; nothing is started."""
    file = machine.path(ENVIRONMENT)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(command.environment_text())
    file.chmod(0o640)
    machine.path(f"/etc/systemd/system/{UNIT}").write_text(command.unit_text())
    machine.sh("systemctl daemon-reload")


def golden_vectors(*subjects: str) -> str:
    """Vectors of the sound model, in the form of docs/scoring.md; JSON is YAML, too."""
    files = model_files("trust_score")
    vectors = [
        {
            "name": subject,
            "request": json.dumps({"instances": [features(subject)]}, separators=(",", ":")),
            "bits": [struct.pack(">f", expected_score(features(subject), files)).hex()],
        }
        for subject in subjects
    ]
    return json.dumps({"model": loader_hash(files), "form": "float32", "vectors": vectors})


def features(subject: str) -> list[float]:
    """What the chain asks for a subject: each exact in a float32."""
    digests = (hashlib.sha256(f"{subject}/{i}".encode()).digest() for i in range(DIMENSION))
    return [(int.from_bytes(digest[:4], "big") >> 8) / (1 << 23) - 1 for digest in digests]


def expected_score(
    asked: Sequence[float], files: dict[str, bytes], *, threads: int = 1, kernel: str = "avx2"
) -> float:
    """The score bit by bit, computed without the scorer."""
    weights = struct.unpack(f"<{DIMENSION}f", files[WEIGHTS])
    total = 0.0
    for part in range(threads):
        low, high = part * len(asked) // threads, (part + 1) * len(asked) // threads
        lanes = [0.0] * LANES[kernel]
        for i, (x, w) in enumerate(zip(asked[low:high], weights[low:high], strict=True)):
            lanes[i % len(lanes)] = _float32(lanes[i % len(lanes)] + _float32(x * w))
        total = _float32(total + _sum(lanes))
    return total


def _sum(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:
        total = _float32(total + value)
    return total


def _float32(value: float) -> float:
    """Rounded once more: exact for a sum or product of two float32 that was rounded to a double."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded
