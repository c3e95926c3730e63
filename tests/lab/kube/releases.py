"""What the cluster's registry has: releases of the app, and of the inference service.

A release of the inference service has its model in its image, as its program has it: another model
is another digest. So one that answers otherwise rolls out as well as any: `/health` is static.
"""

from __future__ import annotations

from pathlib import Path

from tests.lab.containers import scorer_program
from tests.lab.kube.images import Release
from tests.lab.scoring import (
    METRICS_PORT,
    PREDICT_PORT,
    SETTINGS,
    VERSION,
    loader_hash,
    model_files,
)

CONTROL = "/control"
"""Where a pod of the inference service has its faults, from the directory of the same name below
the cluster's own (`tests/lab/scorer/control.go`)."""
_MODES = {"pause": "ok", "good-1": "ok", "good-2": "ok", "crash": "crash", "crash-2": "crash"}


def releases(app: Path) -> dict[str, Release]:
    """Image → what is in it. `scorer-1` and `scorer-2` answer alike; those that differ have another
    model, another program, one more thread, or another kernel, and are ready all the same."""
    program = {"app": app.read_bytes()}
    plain = {
        name: Release(
            layers=(program,), command=("/app",), environment={"MODE": mode, "RELEASE": name}
        )
        for name, mode in _MODES.items()
    }
    return {
        **plain,
        "scorer-1": _scorer("scorer-1"),
        "scorer-2": _scorer("scorer-2"),
        "other-model": _scorer("other-model", model="somebody else's"),
        "other-build": _scorer("other-build", build="other"),
        "more-threads": _scorer("more-threads", OMP_NUM_THREADS="2"),
        "other-kernel": _scorer("other-kernel", SCORER_KERNEL="sse2"),
    }


def _scorer(
    name: str, *, model: str = "trust_score", build: str = "good", **settings: str
) -> Release:
    files = model_files(model)
    there = {f"models/trust_score/{path}": data for path, data in files.items()}
    return Release(
        layers=({"scorer": scorer_program(build).read_bytes()}, there),
        command=(
            "/scorer",
            *("--model-path", "/models/trust_score", "--model-version", VERSION),
            *("--expected-hash", loader_hash(files)),
            *("--http-addr", f":{PREDICT_PORT}", "--metrics-addr", f":{METRICS_PORT}"),
        ),
        environment={**SETTINGS, "SCORER_CONTROL": CONTROL, "RELEASE": name, **settings},
    )
