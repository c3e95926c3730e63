"""The entries that installed domains add to ours: pages of the package `Domain.rules`.

Each page has the name and the form of one in docs/rules, and is optional: `guards.md`, `checks.md`,
`classes.md`, `conditions.md`, `hazards.md`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import PurePosixPath

from remediations.engine.domain import AnyDomain
from remediations.engine.rules.book import PAGES, RuleEntry, parse_rules

log = logging.getLogger(__name__)


def domain_rules(domains: Sequence[AnyDomain]) -> tuple[RuleEntry, ...]:
    """The entries of all domains. A page that cannot be read affects only its own domain."""
    return tuple(entry for domain in domains if domain.rules for entry in _of(domain))


def _of(domain: AnyDomain) -> Sequence[RuleEntry]:
    try:
        return tuple(_read(domain.rules))
    except Exception as error:  # noqa: BLE001 - anything may be wrong with another package
        log.warning("the rules of the domain %s cannot be read: %s", domain.name, error)
        return ()


def _read(package: str) -> Iterator[RuleEntry]:
    directory = files(package)
    for kind, ours in PAGES.items():
        name = PurePosixPath(ours).name
        page = directory.joinpath(name)
        if page.is_file():
            yield from parse_rules(kind, f"{package}/{name}", page.read_text(encoding="utf-8"))
