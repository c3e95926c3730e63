"""What tells the look-alikes apart where scores differ: docs/scoring.md has this table."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.playbooks.scoring.classes import ScoringClass
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.containers import restartable, stale
from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.present import present
from remediations.playbooks.scoring.situation import situation
from remediations.systems.podman.values import PodmanReading
from remediations.systems.scorer.values import ModelFile, ModelLoaded, ModelOnDisk, Setting
from remediations.values.part import Part
from tests.unit.playbooks.scoring.cases import observed
from tests.worlds import containers
from tests.worlds import scoring as world
from tests.worlds.base import known, unknown

OTHER_LOADED = known(ModelLoaded(version="v1.0.0", sha256=world.OTHER))
OTHER_DISK = known(ModelOnDisk(sha256=world.OTHER, files=world.FILES))
SHORT_DISK = known(
    ModelOnDisk(sha256=world.OTHER, files=(world.FILES[0], replace(world.FILES[1], bytes=450_000)))
)
PART_DISK = known(ModelOnDisk(sha256=world.OTHER, files=world.FILES[:1]))
ALIEN_DISK = known(ModelOnDisk(sha256=world.OTHER, files=(ModelFile(path="weights.bin", bytes=7),)))
OTHERWISE, BROKEN = known(world.OTHERWISE), known(world.BROKEN)
TWICE = known(world.answered("[0x3e800000]", "[0x3e800001]", "[0x3f400000]", "[0x3f400000]"))
TWO_THREADS = known(world.process(settings=(replace(world.THREADS, value="2"),)))
CHOOSES = known(
    world.process(settings=(world.THREADS, Setting(name="ONEDNN_MAX_CPU_ISA", value="SSE41")))
)
OTHER_LIBRARIES = known(
    world.process(libraries=tuple(replace(o, sha256="b" * 64) for o in world.process().libraries))
)
NO_ENVIRONMENT = known(replace(world.service("val1").node.value, settings=()))  # type: ignore[union-attr]
STOOD = world.moments(world.counters(), world.counters())
QUEUED = world.moments(world.counters(), world.counters(104, queue=40))
WAITS = world.moments(world.counters(), world.counters(140, queue=80))


def ended(line: str, **unit: Any) -> dict[str, Any]:  # noqa: ANN401 - the unit's own fields
    """A service that is not there, and what it said last."""
    fields = {"active": "failed", "sub": "failed", "result": "exit-code", "exit_status": 1, **unit}
    return {
        "asks": known(world.REFUSED),
        "unit": known(world.unit(**fields)),
        "process": unknown("nothing listens"),
        "last_line": known(line) if line else unknown("no line"),
    }


CASES: dict[str, tuple[dict[str, Any], ScorerCondition, ScoringClass]] = {
    "model skew": (
        {"loaded": OTHER_LOADED, "disk": OTHER_DISK, "asks": OTHERWISE},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "a model of other files": (
        {"loaded": OTHER_LOADED, "disk": ALIEN_DISK, "asks": OTHERWISE},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "model skew, the process is silent about it": (
        {"loaded": unknown(), "disk": OTHER_DISK, "asks": OTHERWISE},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "another export of the model with the same answers": (
        {"loaded": OTHER_LOADED, "disk": OTHER_DISK},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "a model that was loaded since from the directory": (
        {"disk": OTHER_DISK, "asks": OTHERWISE},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "half a model that was loaded since": (
        {"disk": OTHER_DISK, "asks": BROKEN},
        ScorerCondition.HALF_COPY,
        ScoringClass.SKEW,
    ),
    "half copy, answers with errors": (
        {"loaded": OTHER_LOADED, "disk": OTHER_DISK, "asks": BROKEN},
        ScorerCondition.HALF_COPY,
        ScoringClass.SKEW,
    ),
    "half copy, a file is short": (
        {"loaded": OTHER_LOADED, "disk": SHORT_DISK, "asks": OTHERWISE},
        ScorerCondition.HALF_COPY,
        ScoringClass.SKEW,
    ),
    "half copy, a file is missing and nothing starts": (
        {"loaded": unknown(), "disk": PART_DISK, "asks": known(world.REFUSED)},
        ScorerCondition.HALF_COPY,
        ScoringClass.SKEW,
    ),
    "half copy below a process that loaded the whole": (
        {"disk": PART_DISK},
        ScorerCondition.STALE,
        ScoringClass.SKEW,
    ),
    "other processors": (
        {"machine": known(world.machine("avx2", "avx512f", "fma")), "asks": OTHERWISE},
        ScorerCondition.CPU_CLASS,
        ScoringClass.VARIES,
    ),
    "a setting that chooses other kernels": (
        {"process": CHOOSES, "asks": OTHERWISE},
        ScorerCondition.CPU_CLASS,
        ScoringClass.VARIES,
    ),
    "other processors, same answers": (
        {"machine": known(world.machine("avx2", "avx512f", "fma"))},
        ScorerCondition.AGREED,
        ScoringClass.AGREED,
    ),
    "other libraries": (
        {"process": OTHER_LIBRARIES, "asks": OTHERWISE},
        ScorerCondition.BUILD,
        ScoringClass.VARIES,
    ),
    "one more thread": (
        {"process": TWO_THREADS, "asks": OTHERWISE},
        ScorerCondition.THREADS,
        ScoringClass.VARIES,
    ),
    "one more thread, same answers": (
        {"process": TWO_THREADS},
        ScorerCondition.THREADS,
        ScoringClass.VARIES,
    ),
    "one vector, two answers": ({"asks": TWICE}, ScorerCondition.VARIES, ScoringClass.VARIES),
    "the node falls back to a stub": (
        {"node": NO_ENVIRONMENT},
        ScorerCondition.STUB,
        ScoringClass.VARIES,
    ),
    "a stub with other answers": (
        {"node": NO_ENVIRONMENT, "asks": OTHERWISE},
        ScorerCondition.STUB,
        ScoringClass.VARIES,
    ),
    "frozen engine": (
        {"asks": known(world.LATE), "counters": STOOD},
        ScorerCondition.FROZEN,
        ScoringClass.ONE_ODD,
    ),
    "frozen engine with another model": (
        {
            "asks": known(world.LATE),
            "counters": STOOD,
            "loaded": OTHER_LOADED,
            "disk": OTHER_DISK,
        },
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "frozen engine below which the agreed model lies": (
        {"asks": known(world.LATE), "counters": STOOD, "loaded": OTHER_LOADED},
        ScorerCondition.FROZEN,
        ScoringClass.ONE_ODD,
    ),
    "frozen engine without metrics": (
        {"asks": known(world.LATE), "counters": (unknown(), unknown())},
        ScorerCondition.FROZEN,
        ScoringClass.ONE_ODD,
    ),
    "no answer in time, but others get theirs": (
        {"asks": known(world.LATE), "counters": WAITS},
        ScorerCondition.BACKLOG,
        ScoringClass.ONE_ODD,
    ),
    "errors with the agreed model": (
        {"asks": BROKEN},
        ScorerCondition.ERRORS,
        ScoringClass.ONE_ODD,
    ),
    "errors for others": (
        {"counters": world.moments(world.counters(), world.counters(104, errors=3))},
        ScorerCondition.ERRORS,
        ScoringClass.ONE_ODD,
    ),
    "slow": ({"asks": known(world.answered(ms=900))}, ScorerCondition.SLOW, ScoringClass.ONE_ODD),
    "slow for want of memory": (
        {
            "asks": known(world.answered(ms=900)),
            "machine": known(world.machine(memory_available_kib=1000)),
        },
        ScorerCondition.HOST_TROUBLE,
        ScoringClass.ONE_ODD,
    ),
    "killed for memory": (
        {
            "asks": known(world.REFUSED),
            "unit": known(world.unit(active="failed", sub="failed", result="oom-kill")),
        },
        ScorerCondition.HOST_TROUBLE,
        ScoringClass.ONE_ODD,
    ),
    "a unit that never says failed": (
        {
            "asks": known(world.REFUSED),
            "unit": known(world.unit(active="activating", sub="auto-restart", result="exit-code")),
        },
        ScorerCondition.LOOPING,
        ScoringClass.ONE_ODD,
    ),
    "a start that takes too long": (
        ended("", sub="auto-restart", active="activating", result="timeout", start_timeout_s=90),
        ScorerCondition.REFUSED,
        ScoringClass.ONE_ODD,
    ),
    "no hash in its command": (
        ended("[error] Fatal err=expected_hash must be set when deterministic mode is enabled"),
        ScorerCondition.REFUSED,
        ScoringClass.ONE_ODD,
    ),
    "the port is another's": (
        ended("listen tcp :8501: bind: address already in use", sub="auto-restart"),
        ScorerCondition.REFUSED,
        ScoringClass.ONE_ODD,
    ),
    "a device is not there": (
        ended("Error: stat /dev/nvidia0: no such file or directory"),
        ScorerCondition.REFUSED,
        ScoringClass.ONE_ODD,
    ),
    "it ended for memory by itself": (
        ended("fatal error: runtime: out of memory", sub="auto-restart"),
        ScorerCondition.HOST_TROUBLE,
        ScoringClass.ONE_ODD,
    ),
    "its name is taken": (  # remove-stale-container looks for the dead one
        ended("Error: creating container storage: the container name is already in use by c3c3"),
        ScorerCondition.DOWN,
        ScoringClass.ONE_ODD,
    ),
    "a stop by people after a line that names no end": (
        ended("[error] Metrics server error: address already in use", exit_status=143),
        ScorerCondition.DOWN,
        ScoringClass.ONE_ODD,
    ),
    "a build that cannot score": (
        {"asks": known(world.failed("HTTP 500: rpc error: code = Internal desc = marshaling"))},
        ScorerCondition.CANNOT,
        ScoringClass.ONE_ODD,
    ),
    "a stop by people": (
        {
            "asks": known(world.REFUSED),
            "unit": known(
                world.unit(active="failed", sub="failed", result="exit-code", exit_status=143)
            ),
        },
        ScorerCondition.DOWN,
        ScoringClass.ONE_ODD,
    ),
    "two scorers on one port": (
        {"process": known(world.process(owners=(42, 43)))},
        ScorerCondition.TWO_SCORERS,
        ScoringClass.ONE_ODD,
    ),
    "nothing known explains it": ({"asks": OTHERWISE}, ScorerCondition.ODD, ScoringClass.ONE_ODD),
    "no time to ask every vector": (
        {"asks": known(world.answered()[:2])},
        ScorerCondition.UNREAD,
        ScoringClass.UNREAD,
    ),
    "no time, and another model": (
        {"asks": known(world.answered()[:2]), "loaded": OTHER_LOADED, "disk": OTHER_DISK},
        ScorerCondition.SKEW,
        ScoringClass.SKEW,
    ),
    "unread": (
        {"unit": world.SILENT, "asks": world.SILENT, "disk": world.SILENT},
        ScorerCondition.UNREAD,
        ScoringClass.UNREAD,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_has_its_own_name(case: str) -> None:
    changed, condition, verdict = CASES[case]
    finding = world.concluded({"val4": changed})
    one = finding.scorer("val4")
    assert (one.condition, finding.verdict) == (condition, verdict), one.cause
    assert all(
        finding.scorer(f"val{index}").condition is ScorerCondition.AGREED for index in (1, 2, 3)
    )
    shown = present(finding)
    assert shown.well == (condition is ScorerCondition.AGREED)
    assert one.condition is ScorerCondition.AGREED or one.cause in shown.explanation


@pytest.mark.parametrize("case", ["no hash in its command", "a build that cannot score"])
def test_what_no_restart_changes_is_not_restarted(case: str) -> None:
    scoring = situation(observed(world.scorers({"val4": CASES[case][0]})), frozenset())
    assert restartable(scoring) == stale(scoring) == ()
    one = scoring.finding.scorer("val4")
    assert one.by_hand
    assert "mend" in one.by_hand or "build that can score" in one.by_hand


def test_a_container_that_was_ended_for_memory() -> None:
    """podman's flag, where the container was not removed after its end."""
    observation = observed(world.scorers({"val4": ended("bye")}))
    killed = replace(containers.DEAD, out_of_memory=True, exit_code=137)
    observation = containers.with_containers(observation, "val4", containers=known((killed,)))
    one = situation(observation, frozenset()).finding.scorer("val4")
    assert one.condition is ScorerCondition.HOST_TROUBLE
    assert "ended for memory" in one.cause


def test_same_bytes_under_another_name_are_no_error() -> None:
    """Another version in the log, another directory, another path of the image: one hash."""
    entry = replace(world.service("val4").entry, model="/srv/models/trust_score_v2")
    renamed = {"entry": entry, "loaded": known(ModelLoaded(version="v2", sha256=world.MODEL))}
    assert world.concluded({"val4": renamed}).verdict is ScoringClass.AGREED


def test_an_image_of_other_bytes_under_one_name() -> None:
    """A tag that leads to other bytes on a host: told by the digest, where the answers differ."""
    images = {"val1": "sha256:aa", "val2": "sha256:aa", "val3": "sha256:aa", "val4": "sha256:bb"}
    reading = world.scorers({"val4": {"asks": OTHERWISE}})
    finding = conclude(reading, world.powers(), (), images)
    assert finding.scorer("val4").condition is ScorerCondition.BUILD
    assert [(one.digest, one.power) for one in finding.images] == [
        ("sha256:aa", 90),
        ("sha256:bb", 10),
    ]
    alike = conclude(world.scorers(), world.powers(), (), images)
    assert alike.verdict is ScoringClass.AGREED
    pinned = world.scorers(scoring=world.declared(image="sha256:aa"))
    assert conclude(pinned, world.powers(), (), images).verdict is ScoringClass.VARIES


def test_the_digest_of_the_image_comes_from_podman() -> None:
    """Of the one container that runs in the service's unit; without podman nothing is known."""
    reading = world.scorers()
    whole = observed(reading)
    assert situation(whole, frozenset()).finding.images == ()
    image = known((containers.container(image_digest="sha256:bb"),))
    other = PodmanReading(
        hosts=tuple(containers.host(host, containers=image) for host in ("val1", "val4"))
    )
    parts = (*whole.parts, Part.of(other))
    told = replace(whole, parts=tuple(sorted(parts, key=lambda part: part.kind)))
    (group,) = situation(told, frozenset()).finding.images
    assert (group.digest, group.hosts) == ("sha256:bb", ("val1", "val4"))
