"""When `double_sign_check_height` forbids a start, by CometBFT's version (its tags say so)."""

from __future__ import annotations

import pytest

from remediations.systems.comet.double_sign_check import forbids_start, parse_version


@pytest.mark.parametrize("version", ["0.34.29", "0.37.18", "0.38.0", "0.38.23", "0.39.3"])
def test_one_checks_nothing_before_the_correction(version: str) -> None:
    assert forbids_start(1, version) is False


@pytest.mark.parametrize("version", ["0.38.24", "0.38.25", "0.39.4", "0.40.0", "1.0.1", "2.0.0"])
def test_one_checks_a_block_since_or_is_not_counted_on(version: str) -> None:
    """1.0 has the old loop; a later release of it may not."""
    assert forbids_start(1, version) is True


@pytest.mark.parametrize("version", [None, "0.38.21", "0.40.0"])
def test_other_heights_need_no_version(version: str | None) -> None:
    assert forbids_start(0, version) is False
    assert forbids_start(2, version) is True


def test_one_of_an_unknown_version_is_unknown() -> None:
    assert forbids_start(1, None) is None


@pytest.mark.parametrize("text", ["", "v0.38.21", "0.38.21-rc1", "0.38", "0.38.21\n", "٠.٣٨.٢١"])
def test_only_three_numbers_are_a_version(text: str) -> None:
    """A release candidate may be of before or after."""
    assert parse_version(text) is None
