"""What a chain counts against a validator, and what it tells of the key's last signature."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.systems.comet.absence import Absence, SlashingTerms
from remediations.systems.comet.absent_answers import parse_absences
from remediations.systems.comet.proof.protobuf import bytes_field, number_field
from remediations.systems.comet.rpc_envelope import RpcError
from tests.unit.model.stakes import ADDRESS, INFO_KEY, info
from tests.unit.proof.stored import answer

WINDOW = number_field(1, 100)
AWAY = Absence(address=ADDRESS, height=71, missed=58, window=100, since=0, counted=0)


def test_what_it_missed_may_have_been_the_newest_and_no_more() -> None:
    """Of 70 blocks whose signatures are counted it missed 58, so it signed 12 or later; less two,
    by which count and height may be apart."""
    assert AWAY.signed == 10
    assert replace(AWAY, missed=1).signed == 67


def test_in_a_young_chain_it_may_have_signed_none() -> None:
    """Counted from the first block on, nothing was before: that tells, and asks for nothing."""
    young = replace(AWAY, height=7, missed=4, counted=6)
    assert young.signed == 0
    assert replace(young, since=1).signed == 0
    assert replace(young, counted=3).signed is None
    assert replace(young, since=3).signed is None


@pytest.mark.parametrize(
    "fields",
    [
        {"window": 60},  # full: it may have been away for longer
        {"since": 11},  # bonded since then, and signed nothing
        {"counted": 60},
        {"window": 0},
    ],
)
def test_where_the_count_does_not_tell(fields: dict[str, int]) -> None:
    """Nothing is concluded from it."""
    assert replace(AWAY, **fields).signed is None


def section(*answers: bytes, parameters: bytes = WINDOW) -> bytes:
    """As `absent.sh` prints it."""
    return b"\n".join((answer(b"\x00", parameters, [], height=71), *answers))


def decimal(millionths: int) -> bytes:
    """A decimal of the SDK: eighteen places, and no point."""
    return str(millionths * 10**12).encode()


@pytest.mark.parametrize(
    ("least", "slashed", "terms"),
    [
        (500_000, 10_000, SlashingTerms(window=100, may_miss=50, jail_s=600, slashed="0.01")),
        (55_000, 0, SlashingTerms(window=100, may_miss=94, jail_s=600, slashed="0")),
        (1_000_000, 100, SlashingTerms(window=100, may_miss=0, jail_s=600, slashed="0.0001")),
        (1_000_001, 100, None),
    ],
)
def test_what_follows_for_who_misses_too_many(
    least: int, slashed: int, terms: SlashingTerms | None
) -> None:
    """By the chain's parameters; half a block is rounded to the even one, as the SDK does."""
    written = WINDOW + bytes_field(2, decimal(least)) + bytes_field(3, number_field(1, 600))
    written += bytes_field(4, decimal(50_000)) + bytes_field(5, decimal(slashed))
    told = section(answer(INFO_KEY, info(), [], height=71), parameters=written)
    (found,) = parse_absences(told)
    assert found.terms == terms


def test_the_section() -> None:
    """Who has no signing info is left out."""
    other = b"\x01\x14" + bytes(20)
    told = section(answer(INFO_KEY, info(), [], height=71), answer(other, b"", [], height=71))
    (found,) = parse_absences(told)
    assert found == replace(AWAY, missed=11, since=5)
    assert found.signed == 57


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        answer(INFO_KEY, info(), [], height=71),
        section(answer(b"\x01\x03abc", info(), [], height=71)),
        section(answer(b"\x02" + INFO_KEY, info(), [], height=71)),
        section(answer(INFO_KEY, b"\xff", [], height=71)),
        answer(b"\x00", b"\xff", [], height=71),
    ],
)
def test_anything_else_is_malformed(text: bytes) -> None:
    """It is unknown then, and says so."""
    with pytest.raises(RpcError):
        parse_absences(text)
