"""The lab's scorer as the tests know it: its model, its unit, and the bits that it must answer."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest

from tests.lab.scoring import (
    ENVIRONMENT,
    LANES,
    METADATA,
    WEIGHTS,
    Command,
    expected_score,
    features,
    golden_vectors,
    loader_hash,
    model_files,
)
from tests.lab.world_scoring import bits

SOUND = model_files("trust_score")


def test_the_hash_is_over_contents_in_the_order_of_paths() -> None:
    """Names do not count, the metadata do not, another file does."""
    joined = SOUND["saved_model.pb"] + SOUND[WEIGHTS]
    assert loader_hash(SOUND) == hashlib.sha256(joined).hexdigest()
    assert loader_hash(model_files("trust_score", "v2")) == loader_hash(SOUND)
    assert loader_hash({**SOUND, "variables/more": b"x"}) != loader_hash(SOUND)
    assert loader_hash({}) == hashlib.sha256().hexdigest()
    assert json.loads(SOUND[METADATA])["model_hash"] == loader_hash(SOUND)


@pytest.mark.parametrize("subject", ["alice", "bob", "carol"])
def test_order_of_additions_decides_the_bits(subject: str) -> None:
    """All settings give nearly one number, and hardly two of them the same bits."""
    asked = features(subject)
    scores = {
        (kernel, threads): expected_score(asked, SOUND, threads=threads, kernel=kernel)
        for kernel in LANES
        for threads in (1, 2)
    }
    assert max(scores.values()) - min(scores.values()) < 0.001
    sound = bits(scores["avx2", 1])
    assert [setting for setting, score in scores.items() if bits(score) == sound] == [("avx2", 1)]


def test_features_are_float32_without_rounding() -> None:
    """So JSON cannot change them."""
    asked = features("alice")
    assert list(struct.unpack(f"<{len(asked)}f", struct.pack(f"<{len(asked)}f", *asked))) == asked
    assert all(-1 <= value < 1 for value in asked)


def test_a_unit_names_image_hash_and_settings() -> None:
    """What the faults change stands in it once."""
    base_digest = f"sha256:{'a' * 64}"
    command = Command(f"localhost/veid-scorer@{base_digest}", loader_hash(SOUND))
    text = command.unit_text()
    assert text.count(base_digest) == text.count(loader_hash(SOUND)) == 1
    for line in (f"--env-file {ENVIRONMENT}", "--cgroups=disabled", "--pull=never", "Type=notify"):
        assert line in text
    assert "--replace" not in text
    assert "\nOMP_NUM_THREADS=1\n" in command.environment_text()


def test_vectors_hold_the_bits_of_the_sound_model() -> None:
    """Of each subject."""
    written = json.loads(golden_vectors("alice", "bob"))
    assert written["model"] == loader_hash(SOUND)
    assert written["vectors"][1]["bits"] == [bits(expected_score(features("bob"), SOUND))]
    assert json.loads(written["vectors"][0]["request"])["instances"] == [features("alice")]
