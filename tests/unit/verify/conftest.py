"""The marker of the checks, which are imported here as plain functions."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare it the way the suite of the checks does."""
    config.addinivalue_line("markers", "check(id, title): the check of docs/rules/checks.md")
