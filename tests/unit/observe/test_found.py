"""What was found on a host has the form that an inventory could have given it, or is unknown."""

from __future__ import annotations

import pytest

from remediations.systems.comet.discovered import parse_discovered
from remediations.systems.comet.inventory import Role
from remediations.values.reading import Known, Unknown
from tests.inventories import node_entry
from tests.property.test_readers_answers import SECTIONS, SENT, printed
from tests.readings import read_document, read_host

SOUND = "unit=v.service\nhome=/srv/node\nrpc=http://127.0.0.1:26657\n"


def test_what_is_plain_is_taken() -> None:
    """And what is not named is passed over."""
    found = parse_discovered(SOUND + "key_file=/k\nother=x\n")
    assert (found.unit, found.home, found.rpc, found.key_file) == (
        *("v.service", "/srv/node", "http://127.0.0.1:26657"),
        "/k",
    )


@pytest.mark.parametrize(
    "rpc",
    [
        "file:///etc/passwd",
        "https://127.0.0.1:26657",
        "http://127.0.0.1:26657/x",
        "http://u@127.0.0.1:26657",
        "-o/etc/cron.d/x",
        "http://127.0.0.1:26657 -o/x",
        "http://\u0661:1",
    ],
)
def test_an_rpc_of_another_form_is_unknown(rpc: str) -> None:
    """It would be asked with curl, on the host and in every check."""
    found = parse_discovered(SOUND.replace("http://127.0.0.1:26657", rpc))
    assert (found.rpc, found.home) == ("", "/srv/node")
    assert "http://" in found.rpc_trouble.reason


@pytest.mark.parametrize("home", ["srv", "/srv/../etc", "/srv/a b", "/srv/$(x)", "/", "//srv"])
def test_a_home_of_another_form_is_unknown(home: str) -> None:
    """It would be part of a program that runs as root."""
    found = parse_discovered(SOUND.replace("/srv/node", home))
    assert (found.home, found.files_trouble) == ("", found.home_trouble)
    assert "plain characters" in found.home_trouble.reason


@pytest.mark.parametrize("unit", ["-H.service", "a/b.service", "v.socket", "v.service\u2028"])
def test_a_unit_of_another_form_is_unknown(unit: str) -> None:
    """With all that was found by it."""
    assert parse_discovered(SOUND.replace("v.service", unit)).home == ""


def test_a_host_that_contradicts_itself_has_found_nothing() -> None:
    """Two homes are none."""
    found = parse_discovered(SOUND + "home=/srv/other\n")
    assert (found.unit, found.home, found.rpc) == ("", "", "")
    assert "twice" in found.home_trouble.reason


def test_reasons_are_bounded() -> None:
    """They are shown, and kept with the observation."""
    assert len(parse_discovered("unit_trouble=" + "x" * 60_000).unit_trouble.reason) == 2000


@pytest.mark.parametrize("version", [(b"", 124), (b"", 1), (b"version=1\nversion=2\n", 0), None])
def test_the_hash_of_the_program_does_not_wait_for_its_version(
    version: tuple[bytes, int] | None,
) -> None:
    """Too late, failed, odd or not asked: guards compare hashes, the version only describes."""
    parts = {name: (data, 0) for name, data in SECTIONS.items() if name != "version"}
    if version is not None:
        parts["version"] = version
    document = read_document(printed(parts, 0, 1), sent=SENT, received=SENT)
    reading = read_host(document, node_entry(name="val1", role=Role.VALIDATOR, ssh="val1"), SENT)
    assert isinstance(reading.binary, Known)
    assert (reading.binary.value.sha256, reading.binary.value.version) == ("a" * 64, "")


def test_without_the_name_nothing_of_it_is_known() -> None:
    """Sections that a host sends nevertheless are of nobody knows what."""
    parts = {name: (data, 0) for name, data in SECTIONS.items()}
    parts["found"] = (b"unit=v/x\nhome=/h\nrpc=file:///etc/passwd\n", 0)
    document = read_document(printed(parts, 0, 1), sent=SENT, received=SENT)
    entry = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
    reading = read_host(document, entry, SENT)
    assert isinstance(reading.session, Known)
    for field in (
        reading.unit, reading.processes, reading.config, reading.key, reading.sign_state,
        reading.disk, reading.binary, reading.journal, reading.chain.validators,
        reading.samples[0].status,
    ):  # fmt: skip
        assert isinstance(field, Unknown)
        assert "is malformed" in field.reason
