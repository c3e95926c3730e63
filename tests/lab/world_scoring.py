"""The truth about the scorers and their answers, read without the product."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass

from tests.lab import loopback
from tests.lab.lab import Lab
from tests.lab.scoring import METRICS_PORT, PREDICT_PORT, features
from tests.lab.shell import LabError

PREDICT = "/v1/models/trust_score:predict"


@dataclass(frozen=True)
class OnChain:
    """What a node's state holds for a subject: a score's bits, or that it got none."""

    scored: bool
    bits: str


def predict(lab: Lab, host: str, subject: str, timeout: float = 5.0) -> float:
    """The answer of a host's scorer.

    Raises:
        LabError: none, or an error.
    """
    body = json.dumps({"instances": [features(subject)]}).encode()
    said = loopback.post(_init(lab, host), PREDICT_PORT, PREDICT, body, timeout)
    try:
        (score,) = json.loads(said)["predictions"]
    except (ValueError, KeyError) as error:
        raise LabError(f"the scorer of {host} answered {said[:200]!r}") from error
    return float(score)


def health(lab: Lab, host: str) -> str:
    """What /health says, which is OK as long as the process lives."""
    return loopback.get(_init(lab, host), METRICS_PORT, "/health", 2.0).decode()


def metrics(lab: Lab, host: str) -> dict[str, float]:
    """Name (with labels) → value."""
    text = loopback.get(_init(lab, host), METRICS_PORT, "/metrics", 2.0).decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def on_chain(lab: Lab, host: str, subject: str) -> OnChain | None:
    """What a node has in its state for a subject; None where it has nothing."""
    asked = f"abci_query?path=%22/store/veid/key%22&data=0x{subject.encode().hex()}"
    found = lab.world.rpc(host, asked)["response"]["value"]
    if not found:
        return None
    value = base64.b64decode(found)
    return OnChain(value[:1] == b"s", value[1:].hex())


def bits(score: float) -> str:
    """A float32's bits in hex digits, most significant first."""
    return struct.pack(">f", score).hex()


def _init(lab: Lab, host: str) -> int:
    init = lab.hosts[host].init()
    if init is None:
        raise LabError(f"{host} is off")
    return init
