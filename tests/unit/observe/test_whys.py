"""Why a reading is unknown is one word, and no sentence that a host wrote can change it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import read_power
from remediations.playbooks.chain.discover.guess import guess_role
from remediations.systems.comet.discovered import parse_discovered
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Known, Unknown, Why
from tests.property.mutations import examples
from tests.property.test_readers_answers import SECTIONS, printed, reading_of
from tests.unit.observe.fake_host import Host, observe

Parts = dict[str, tuple[bytes, int]]
WHOLE: Parts = {name: (data, 0) for name, data in SECTIONS.items()}
SENTENCES = (
    "no unit file matches virtengine*.service",
    "several unit files match virtengine*.service: a.service",
    "home not known: x",
    "there is no sign state file: x",
    "no TCP address for the RPC",
    "no answer within the time limit",
    "not read",
    "damaged section",
    "exit status 1",
    "unreachable",
    "absent",
)
"""What a host could say to be taken for something else."""


def read(parts: Parts, said: str = "") -> HostReading:
    """The reading of sections, all of which complain with the sentence `said`."""
    document = json.loads(printed(parts, 0, 1))
    for name in parts:
        document[name]["err"] = base64.b64encode(said.encode()[:600]).decode()
    reading = reading_of(json.dumps(document, separators=(",", ":")).encode())
    assert reading is not None
    return reading


def whys(value: object) -> Iterator[str]:
    """All of them, in the order of the document."""
    if isinstance(value, dict):
        if value.get("reading") == "unknown":
            yield value["why"]
        for inner in value.values():
            yield from whys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from whys(inner)


def whys_of(reading: HostReading) -> list[str]:
    return list(whys(msgspec.to_builtins(reading)))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (13, Why.DENIED),
        (44, Why.ABSENT),
        (45, Why.REFUSED),
        (3, Why.FAILED),
        (124, Why.TIME_LIMIT),
        (137, Why.TIME_LIMIT),
    ],
)
def test_how_a_section_ended_says_why(status: int, why: Why) -> None:
    """A file is told from the reading of it, for the sign state as for any other."""
    for name in ("sign_state", "key", "wal", "disk"):
        reading = getattr(read({**WHOLE, name: (b"", status)}), name)
        assert isinstance(reading, Unknown)
        assert reading.why is why


def test_an_answer_of_another_form_is_distinguished_from_an_error_of_the_node() -> None:
    """The one was not understood; the other was."""
    fault = b'{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"m","data":"d"}}'
    for answer, why in ((b"<html>", Why.MALFORMED), (fault, Why.FAILED)):
        validators = read({**WHOLE, "validators": (answer, 0)}).chain.validators
        assert isinstance(validators, Unknown)
        assert validators.why is why


@pytest.mark.parametrize(
    ("status", "why"), [(7, Why.NOT_LISTENING), (28, Why.TIME_LIMIT), (52, Why.FAILED)]
)
def test_how_curl_ended_says_why(status: int, why: Why) -> None:
    """Nobody listens, nobody answers, or something else went wrong."""
    sample = read({**WHOLE, "status.1": (b"", status)}).samples[0]
    assert isinstance(sample.status, Unknown)
    assert sample.status.why is why


@given(
    st.dictionaries(
        st.sampled_from(("unit_trouble", "home_trouble", "config_trouble", "rpc_trouble")),
        st.sampled_from(SENTENCES) | st.text(st.characters(exclude_categories=["C"]), min_size=1),
    ),
    st.sampled_from(SENTENCES) | st.text(st.characters(exclude_categories=["C"])),
    st.sampled_from((b"", b"unit=v.service\n", SECTIONS["found"])),
    st.sampled_from((1, 13, 44, 45, 124)),
)
@examples(100)
def test_no_sentence_of_a_host_changes_a_why(
    troubles: dict[str, str], said: str, names: bytes, status: int
) -> None:
    """With other sentences, and with the same words, all is unknown for the same whys."""
    ended: Parts = {name: (data, status) for name, (data, _) in WHOLE.items() if name != "found"}

    def of(sentences: dict[str, str], complaint: str) -> list[str]:
        words = "".join(f"{name}={text}\n" for name, text in sentences.items())
        return whys_of(read({**ended, "found": (names + words.encode(), 0)}, complaint))

    assert of(troubles, said) == of(dict.fromkeys(troubles, "x"), "")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, Why.CORRUPT),
        ((b"", 124), Why.TIME_LIMIT),
        ((b"", 1), Why.FAILED),
        ((b"", 0), Why.MALFORMED),
        ((b"unit=a.service\nunit=b.service\n", 0), Why.CORRUPT),
        ((b"unit_trouble=no unit file matches\n", 0), Why.MALFORMED),
        ((b"unit_trouble=no unit file matches\nunit_why=unreachable\n", 0), Why.MALFORMED),
        ((b"unit_trouble=cannot be listed\nunit_why=failed\n", 0), Why.FAILED),
        ((b"unit_trouble=x\nunit_why=no-unit\n", 0), Why.NO_UNIT),
    ],
)
def test_only_a_host_that_has_no_unit_is_taken_for_a_bastion(
    found: tuple[bytes, int] | None, why: Why
) -> None:
    """One of which it is not known, whose answer is damaged, or that does not say why, may be a
    validator."""
    parts = {name: part for name, part in WHOLE.items() if name in ("login", "records")}
    reading = read(parts if found is None else {**parts, "found": found})
    assert isinstance(reading.session, Known)
    assert isinstance(reading.unit, Unknown)
    assert reading.unit.why is why
    view = NodeView(reading)
    guess = guess_role(view, [view], read_power([view], []), ())
    assert (guess is not None) is (why is Why.NO_UNIT)


def test_candidates_are_names_of_units_each_once() -> None:
    """They are pinned, and come into a program that runs as root; of another why there are none."""
    said = "candidates=a.service -H.service b.service a.service c/d.service $(x)\n"
    assert parse_discovered(f"unit_why=several-units\n{said}").candidates == (
        "a.service",
        "b.service",
    )
    assert parse_discovered(f"unit_why=no-unit\n{said}").candidates == ()


@pytest.mark.parametrize(
    ("systemctl", "why", "candidates"),
    [
        ("exit 0", Why.NO_UNIT, ()),
        ("exit 1", Why.NO_UNIT, ()),
        ("echo 'virtengine@.service static -'", Why.NO_UNIT, ()),
        ("echo 'Failed to connect to bus: Connection refused' >&2; exit 1", Why.FAILED, ()),
        ("echo 'virtengine.service enabled -'; exec sleep 20", Why.TIME_LIMIT, ()),
        (
            "printf '%s enabled -\\n' virtengine.service virtengine-home.service",
            Why.SEVERAL_UNITS,
            ("virtengine.service", "virtengine-home.service"),
        ),
    ],
)
def test_a_unit_that_is_not_found(
    tmp_path: Path, systemctl: str, why: Why, candidates: tuple[str, ...]
) -> None:
    """That there is none is what systemd says, not that it complains or is silent."""
    host = Host(tmp_path, 1)
    host.install = lambda: None  # type: ignore[method-assign]
    host.script("journalctl", "#!/bin/sh\n")
    host.script("systemctl", f"#!/bin/sh\n{systemctl}\n")
    reading = observe(host)
    assert isinstance(reading.unit, Unknown)
    assert reading.unit.why is why
    assert reading.candidates == candidates
    assert isinstance(reading.config, Unknown)
    assert reading.config.why is why
    assert isinstance(reading.chain.validators, Unknown)
    assert reading.chain.validators.why is why


def test_a_home_or_an_rpc_that_is_not_found(tmp_path: Path) -> None:
    """Of the one nothing of the home is known; of the other only what the RPC says."""
    host = Host(tmp_path, 1)
    settings = host.home / "config/config.toml"
    settings.write_text(settings.read_text().replace('tcp://0.0.0.0:1" # the', 'unix:///x" #'))
    reading = observe(host)
    assert isinstance(reading.unit, Known)
    assert isinstance(reading.chain.validators, Unknown)
    assert reading.chain.validators.why is Why.NO_RPC
    settings.write_text("x" * 300_000)
    reading = observe(host)
    assert isinstance(reading.key, Unknown)
    assert reading.key.why is Why.REFUSED
    host.arguments = "run start"
    reading = observe(host)
    assert isinstance(reading.unit, Unknown)
    assert isinstance(reading.key, Unknown)
    assert reading.unit.why is reading.key.why is Why.NO_HOME
