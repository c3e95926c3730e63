"""The section `scoring` of an inventory: what is wrong with it gets one clear error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.scorer.answers import AnswerForm
from remediations.systems.scorer.inventory import (
    SCORING_SECTION,
    ScorerEntry,
    scorer_of,
    scoring_of,
    workload_of,
)
from remediations.systems.scorer.source import ModelSource
from remediations.systems.scorer.system import SCORER
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.values.inventory import Inventory

MODEL = "a" * 64
VECTORS = f"""model: {MODEL}
form: float32
vectors:
  - name: low
    request: '{{"instances":[[0.25]]}}'
    answer: '{{"predictions":[0.5]}}'
"""
HOST = (
    "{unit: veid-scorer.service, url: 'http://127.0.0.1:8501/v1/models/trust_score:predict', "
    "model: /srv/models/trust_score}"
)


def load(
    root: Path, *, vectors: str | None = VECTORS, whole: str = "", host: str = HOST
) -> Inventory:
    root.chmod(0o700)
    if vectors is not None:
        (root / "vectors.yaml").write_text(vectors)
    more = f", {whole}" if whole else ""
    (root / "inventory.yaml").write_text(
        f"version: 2\nscoring: {{vectors: vectors.yaml{more}}}\nhosts:\n"
        f"  val1: {{scoring: {host}}}\n"
    )
    return load_inventory(root / "inventory.yaml", InstalledSystems(systems=(SCORER,), troubles=()))


def limits(**fields: str) -> str:
    """A limit of workers that can be used, but for these fields."""
    sound = {"setting": "SCORER_WORKERS", "min": "1", "max": "4", "normal": "1", "cost": "one each"}
    words = ", ".join(f"{key}: {value}" for key, value in {**sound, **fields}.items())
    return f"limits: {{workers: {{{words}}}}}"


def test_limits_are_whole_numbers_of_the_environment(tmp_path: Path) -> None:
    scoring = scoring_of(load(tmp_path, whole=limits(same_answers="true")))
    workers = scoring.limits.workers
    assert workers is not None
    assert (workers.setting, workers.least, workers.most) == ("SCORER_WORKERS", 1, 4)
    assert (workers.normal, workers.cost, workers.harmless) == (1, "one each", True)
    assert scoring.limits.names == ("SCORER_WORKERS",)
    plain = scoring_of(load(tmp_path, whole=limits())).limits.workers
    assert plain is not None
    assert not plain.harmless


def test_what_it_says(tmp_path: Path) -> None:
    inventory = load(
        tmp_path,
        whole="model: " + MODEL + ', settings: {OMP_NUM_THREADS: "1", --threads: "1"}, '
        "class_settings: [ONEDNN_MAX_CPU_ISA], restarts: 5, metrics: {queue: waiting}",
    )
    scoring = scoring_of(inventory)
    assert scoring.golden.form is AnswerForm.FLOAT32
    assert scoring.golden.vectors[0].answer == '{"predictions":[0x3f000000]}'
    assert [one.name for one in scoring.settings] == ["--threads", "OMP_NUM_THREADS"]
    assert (scoring.restarts, scoring.metrics.queue) == (5, "waiting")
    entry = scorer_of(inventory.host("val1"))
    assert isinstance(entry, ScorerEntry)
    assert entry.port == 8501


@pytest.mark.parametrize(
    ("vectors", "got"),
    [
        (None, "No such file"),
        ("", "nothing"),
        ("vectors: []\n", "no key model"),
        (f"model: {MODEL}\nvectors: []\n", "vectors: []"),
        (f"model: nothash\n{VECTORS[71:]}", "model: 'nothash'"),
        (VECTORS.replace("low", "Low Vector"), "name: 'Low Vector'"),
        (VECTORS.replace("    answer", "    bits"), "bits: "),
        (VECTORS.replace("'{\"predictions\":[0.5]}'", "{predictions: [0.5]}"), "answer: "),
        (VECTORS.replace("[0.5]}'", "[NaN]}'"), "not a number"),
        (VECTORS.replace("[0.5]}'", "[1e60]}'"), "larger than any"),
        (VECTORS.replace("[[0.25]]}'", "[[0.25]'"), "request: "),
        (VECTORS.replace("float32", "float64"), "form: 'float64'"),
        (VECTORS + VECTORS[VECTORS.index("  - name") :], "name: 'low'"),
        (f"model: {MODEL}\nvectors: [{{name: a, request: '1'}}]\n", "or neither"),
        (
            f"model: {MODEL}\nvectors:\n"
            + "".join(f"- {{name: v{i}, request: '1', answer: '1'}}\n" for i in range(17)),
            "17 vectors",
        ),
        (
            f"model: {MODEL}\nvectors:\n"
            f"- {{name: v, answer: '1', request: '\"{'x' * 40_000}\"'}}\n",
            "40002 characters",
        ),
    ],
)
def test_vectors_that_cannot_be_used(tmp_path: Path, vectors: str | None, got: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, vectors=vectors)
    assert caught.value.guard == "golden vectors"
    assert got in caught.value.got
    assert "golden vectors cannot be used" in caught.value.what
    assert "vectors.yaml" in caught.value.next_step


@pytest.mark.parametrize(
    ("whole", "got", "expected"),
    [
        ("model: " + "b" * 64, "vectors of the model aaaa", "vectors of the pinned model bbbb"),
        ("model: xyz", "model: 'xyz'", "64 lower-case hex digits"),
        ("image: repo/scorer:latest", "image: ", "sha256:"),
        ("settings: {lower: '1'}", "lower", "OMP_NUM_THREADS"),
        ("settings: {OMP_NUM_THREADS: 1}", "OMP_NUM_THREADS: 1", "in quotes"),
        ("settings: {API_TOKEN: ''}", "API_TOKEN", "no secrets"),
        ("class_settings: NAME", "class_settings", "a list"),
        ("asks: 1", "asks: 1", "from 2 to 5"),
        ("timeout_milliseconds: 9000", "9000", "milliseconds"),
        ("metrics: {other: x}", "other", "completed"),
        ("quarantine: [stop, it]", "quarantine", "one line"),
        ('quarantine: "off\\nthen on"', "quarantine", "one line"),
        ("quarantine: ''", "quarantine", "one line"),
        ("limits: {}", "neither", "workers, rate"),
        ("limits: [1]", "limits", "a mapping"),
        ("limits: {speed: {}}", "speed", "workers, rate"),
        (limits(setting="lower"), "lower", "SCORER_WORKERS"),
        (limits(setting="OMP_NUM_THREADS"), "OMP_NUM_THREADS", "does not decide about the"),
        (limits(setting="TF_ENABLE_ONEDNN_OPTS"), "TF_ENABLE", "does not decide about the"),
        (limits(setting="MY_BATCH_SIZE"), "MY_BATCH_SIZE", "does not decide about the numbers"),
        (limits(min="many"), "min: 'many'", "a whole number"),
        (limits(min="0"), "min: 0", "from 1"),
        (limits(max="65"), "max: 65", "to 64"),
        (limits(min="4"), "4", "less than max (4)"),
        (limits(normal="9"), "normal: 9", "from 1 to 4"),
        (limits(cost="''"), "cost", "one line"),
        (limits(same_answers="perhaps"), "same_answers", "true or false"),
        (limits(spares_node="true"), "spares_node", "same_answers"),
        ("settings: {SCORER_WORKERS: '1'}, " + limits(), "SCORER_WORKERS", "declared once"),
        ("class_settings: [SCORER_WORKERS], " + limits(), "SCORER_WORKERS", "declared once"),
        (
            limits()[:-1]
            + ", rate: {setting: SCORER_WORKERS, min: 1, max: 2, normal: 2, cost: x}}",
            "SCORER_WORKERS",
            "declared once",
        ),
    ],
)
def test_what_is_wrong_for_all(tmp_path: Path, whole: str, got: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, whole=whole)
    assert got in caught.value.got
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("127.0.0.1", "10.0.0.7"), "on loopback"),
        (("http://127", "https://127"), "on loopback"),
        (("127.0.0.1:8501", "127.0.0.1.evil.example:8501"), "on loopback"),
        (("/srv/models/trust_score", "models"), "an absolute path"),
        (("veid-scorer.service", "veid scorer"), "a systemd unit"),
        (("{unit", "{environment_file: scorer.env, unit"), "an absolute path"),
        (("{unit", "{environment_file: /scorer.env, unit"), "below a directory"),
        (("{unit", "{environment_file: /etc/../scorer.env, unit"), "an absolute path"),
        (("{unit", "{environment_file: '/etc/a b', unit"), "plain characters"),
    ],
)
def test_what_is_wrong_for_a_host(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, host=HOST.replace(*change))
    assert expected in caught.value.expected


def model_in(root: Path) -> str:
    """A model directory beside the inventory; the hash of its contents in the order of paths."""
    (root / "models/v").mkdir(parents=True)
    (root / "models/a.pb").write_bytes(b"one")
    (root / "models/v/data").write_bytes(b"two")
    (root / "models/export_metadata.json").write_bytes(b"of this export")
    return hashlib.sha256(b"onetwo").hexdigest()


def test_model_directory_has_its_hash_and_its_files(tmp_path: Path) -> None:
    """By the loader's rule, without what is no part of the model; another one than the pin is told
    and hinders nothing."""
    sha256 = model_in(tmp_path)
    for pin in (sha256, MODEL):
        vectors = VECTORS.replace(MODEL, pin)
        whole = f"model: {pin}, model_directory: models"
        source = scoring_of(load(tmp_path, vectors=vectors, whole=whole)).source
        assert isinstance(source, ModelSource)
        assert source.disk is not None
        assert (source.disk.sha256, source.has(pin)) == (sha256, pin == sha256)
        assert [(one.path, one.bytes) for one in source.disk.files] == [("a.pb", 3), ("v/data", 3)]
        assert source.directory == str(tmp_path / "models")


def test_model_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Not there, or with a link in it: no diagnosis fails for that."""
    whole = f"model: {MODEL}, model_directory: models"
    for got in ("No such file", "which is a link"):
        source = scoring_of(load(tmp_path, whole=whole)).source
        assert isinstance(source, ModelSource)
        assert source.disk is None
        assert got in source.trouble
        if not (tmp_path / "models").exists():
            model_in(tmp_path)
            (tmp_path / "models/more").symlink_to(tmp_path / "models/v")


def test_model_directory_needs_a_pin(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load(tmp_path, whole="model_directory: models")
    assert "`model` beside it" in refused.value.expected


WORKLOAD = "{workload: scorer, port: 8501, path: '/v1/models/trust_score:predict'}"


def test_a_workload_scores_for_a_hosts_node(tmp_path: Path) -> None:
    """It is asked through its cluster, so nothing is read of it on the host, and no deploy of
    units is for that host."""
    inventory = load(tmp_path, host=WORKLOAD)
    entry = inventory.host("val1")
    found = ScoredWorkload(name="scorer", port=8501, path="/v1/models/trust_score:predict")
    assert workload_of(entry) == found
    assert not SCORER.is_on(entry)
    assert SCORING_SECTION.groups_of(entry) == ()
    of_a_unit = load(tmp_path).host("val1")
    assert workload_of(of_a_unit) is None
    assert SCORER.is_on(of_a_unit)
    assert SCORING_SECTION.groups_of(of_a_unit) == ("scoring",)


@pytest.mark.parametrize(
    ("host", "got", "expected"),
    [
        (
            "{workload: scorer, port: 8501, path: /p, unit: a.service, url: x}",
            "workload, and unit, url beside it",
            "either a workload",
        ),
        ("{workload: scorer, path: /p}", "no key port", "the key port"),
        ("{workload: scorer, port: 8501}", "no key path", "the key path"),
        ("{workload: scorer, port: 0, path: /p}", "port: 0", "from 1 to 65535"),
        ("{workload: scorer, port: 8501, path: p}", "path: 'p'", "a path"),
        ("{workload: deployment/scorer, port: 1, path: /p}", "deployment/scorer", "a name of"),
        ("{workload: scorer, port: 1, path: /p, node: a.service}", "node", "workload, port, path"),
        ("{port: 8501, path: /p}", "'port'", "unit, url, model"),
        ("{}", "no key unit", "the key unit"),
    ],
)
def test_a_workload_that_cannot_be_used(tmp_path: Path, host: str, got: str, expected: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(tmp_path, host=host)
    assert got in str(refused.value.got) or got.strip("'") in str(refused.value.got)
    assert expected in str(refused.value.expected)
