"""The assertion of tests that try anything: only a documented error may be raised."""

from __future__ import annotations

from contextlib import suppress


def raises_only(*errors: type[Exception]) -> suppress:
    """The block succeeds, or raises one of `errors`. Any other exception fails the test."""
    return suppress(*errors)
