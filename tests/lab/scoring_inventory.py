"""What the operator of a lab with scorers has in the inventory, beside what every lab has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.scoring import (
    ENVIRONMENT,
    METRICS_PORT,
    MODEL,
    PREDICT_PORT,
    UNIT,
    golden_vectors,
    loader_hash,
    model_files,
)

VECTORS, DIRECTORY = "golden-vectors.yaml", "models/trust_score"
# All hosts of a lab share two processors: an answer takes a second while all of them are read.
SECTION = f"""scoring:
  vectors: {VECTORS}
  timeout_milliseconds: 4000
  latency_milliseconds: 2500
  settings: {{OMP_NUM_THREADS: "1"}}
  class_settings: [SCORER_KERNEL]
  node_settings: {{VEID_INFERENCE_MODEL_HASH: ""}}
  limits:
    workers:
      {{setting: SCORER_WORKERS, min: 1, max: 2, normal: 1, cost: one more, same_answers: true}}
    rate: {{setting: SCORER_RATE, min: 2, max: 50, normal: 50, cost: less, spares_node: true}}
"""


def write_inventory(lab: Lab) -> None:
    """Add the section `scoring`, and the golden vectors of the sound model."""
    path = lab.access.inventory
    (path.parent / VECTORS).write_text(golden_vectors("low", "middle", "high"))
    text = path.read_text().replace("hosts:\n", f"{SECTION}hosts:\n")
    for host in lab.validators():
        plain = f"  {host}: {{chain: {{role: validator}}}}\n"
        text = text.replace(plain, f"{plain.rstrip()[:-1]}, scoring: {_service(lab, host)}}}\n")
    path.write_text(text)


@contextmanager
def pinned(lab: Lab) -> Iterator[None]:
    """The inventory pins the sound model."""
    inventory = lab.access.inventory
    before = inventory.read_text()
    pin = loader_hash(model_files("trust_score"))
    inventory.write_text(before.replace("scoring:\n", f"scoring:\n  model: {pin}\n", 1))
    try:
        yield
    finally:
        inventory.write_text(before)


@contextmanager
def with_model_directory(lab: Lab, files: Mapping[str, bytes]) -> Iterator[Path]:
    """The inventory pins the sound model, and names a directory beside it with these files."""
    inventory = lab.access.inventory
    before, directory = inventory.read_text(), inventory.parent / DIRECTORY
    pin = loader_hash(model_files("trust_score"))
    for name, content in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    more = f"  model: {pin}\n  model_directory: {DIRECTORY}\n"
    inventory.write_text(before.replace("scoring:\n", f"scoring:\n{more}", 1))
    try:
        yield directory
    finally:
        inventory.write_text(before)
        shutil.rmtree(directory)


def _service(lab: Lab, host: str) -> str:
    metrics = f"http://127.0.0.1:{METRICS_PORT}"
    return (
        f"{{unit: {UNIT}, node: {lab.unit(host)}, model: {MODEL}, environment_file: {ENVIRONMENT}, "
        f"url: 'http://127.0.0.1:{PREDICT_PORT}/v1/models/trust_score:predict', "
        f"metrics: '{metrics}/metrics', health: '{metrics}/health'}}"
    )
