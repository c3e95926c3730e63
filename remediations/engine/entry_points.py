"""The entry points of domains and systems: which distributions declare them, and what they load.

All of this is other people's code: the metadata may be damaged, a module may raise anything, an
object may have the wrong type. Each of these affects only its own distribution.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from email import message_from_string
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import NamedTuple

from remediations.engine.domain import Action, AnyDomain, Branch, Domain, Input, Playbook
from remediations.machine.config import normalize_distribution
from remediations.render.printable import one_line
from remediations.values.part import Kinded

DOMAINS = "remediations.domains"
SYSTEMS = "remediations.systems"
"""The groups of entry points."""
OWN = "remediations"
"""Our own distribution and package."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INPUT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME = re.compile(r"^name[ \t]*:.*(?:\n[ \t].*)*", re.IGNORECASE | re.MULTILINE)
_IMPOSTOR = "it calls itself {own}, and its {brought} are not in that package"
_SAID = 160
"""The limit for the message of an exception, in characters."""


class DeclaredEntry(NamedTuple):
    """One entry point, before it is imported. If the metadata of its distribution cannot be read,
    `point` is None and `flaw` says why."""

    name: str
    distribution: str
    version: str
    point: EntryPoint | None
    flaw: str = ""


def declared_entries(group: str) -> Iterator[DeclaredEntry]:
    """The entry points of `group` of all distributions on sys.path. Imports nothing.

    A distribution hides later ones of the same name on sys.path, as it hides their modules. None
    can hide ours: any package can have metadata with our name, but our modules are the ones running
    here.
    """
    seen: set[str] = set()
    for found, name in _named_distributions(tuple(sys.path)):
        if name and normalize_distribution(name) in seen:
            continue
        seen.add(normalize_distribution(name))
        try:
            brought = _entries_of(found, name, group)
            if normalize_distribution(name) == OWN and any(
                _leads_elsewhere(entry) for entry in brought
            ):
                seen.discard(OWN)
                flaw = _IMPOSTOR.format(own=OWN, brought=group.rpartition(".")[2])
                brought = [entry._replace(point=None, flaw=flaw) for entry in brought]
            yield from brought
        except Exception as error:  # noqa: BLE001 - anything may be wrong with these files
            where = _plain(str(getattr(found, "_path", "a distribution")))
            flaw = f"its metadata cannot be read: {_said(error)}"
            yield DeclaredEntry(where.rpartition("/")[2], where, "of unknown version", None, flaw)


def own_modules(group: str) -> tuple[str, ...]:
    """The modules that our own entry points of `group` lead to. Imports nothing."""
    return tuple(
        entry.point.module
        for entry in declared_entries(group)
        if entry.point is not None and not _leads_elsewhere(entry)
    )


def _entries_of(found: Distribution, name: str, group: str) -> list[DeclaredEntry]:
    if group not in (found.read_text("entry_points.txt") or ""):
        return []
    if not name:
        raise ValueError("it has no name")
    about = _plain(name), _plain(found.version)
    points = [point for point in found.entry_points if point.group == group]
    return [DeclaredEntry(_plain(point.name), *about, point) for point in points]


def _leads_elsewhere(entry: DeclaredEntry) -> bool:
    return entry.point is not None and entry.point.module.partition(".")[0] != OWN


@lru_cache(maxsize=1)
def _named_distributions(_path: tuple[str, ...]) -> tuple[tuple[Distribution, str], ...]:
    """All distributions on sys.path, in its order, with their names.

    A command asks four times, and what is installed is what was there when it began. Reading the
    names of 70 distributions takes 30 ms.
    """
    return tuple((found, _name(found)) for found in distributions())


def _name(found: Distribution) -> str:
    """The name in the metadata; "" if there is none: pip leaves such directories behind.

    It is parsed to the end of the first line that may be the name. `Distribution.metadata` also
    parses the rest of the header and the description below it: nine tenths of the time.
    """
    try:
        text = found.read_text("METADATA") or found.read_text("PKG-INFO") or found.read_text("")
        name = _NAME.search((text or "").partition("\n\n")[0])
        return str(message_from_string(name.string[: name.end()])["Name"] or "") if name else ""
    except Exception:  # noqa: BLE001 - it matters only if it has entry points
        return ""


def load_entry(point: EntryPoint, flaw_of: Callable[[object], str]) -> object:
    """The object of an entry point, or a text that says why it cannot be used. `flaw_of` says what
    is wrong with a loaded object, "" if nothing. Runs the code of its module."""
    try:
        loaded = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module can raise anything
        return f"it cannot be loaded: {_said(error)}"
    return flaw_of(loaded) or loaded


def domain_flaw(loaded: object) -> str:
    """What is wrong with a loaded object; "" if it is a valid domain."""
    if not isinstance(loaded, Domain):
        return f"{_kind(loaded)} is not a domain"
    if not _text(loaded.name) or not _ID.fullmatch(loaded.name):
        return "the name of the domain does not consist of letters, digits, dots and dashes"
    if not all(map(_text, (loaded.title, loaded.checks, loaded.rules, loaded.alerts))):
        return "the title, the checks, the rules and the alerts are not single lines of text"
    if not _tuple(loaded.rests_on) or not all(map(_text, loaded.rests_on)):
        return "what the domain rests on is not a tuple of names"
    if not all(map(callable, _asked(loaded))):
        return "what the domain is asked for is not a function"
    if not _tuple(loaded.kinds) or not all(map(_is_kind, loaded.kinds)):
        return "its kinds are not a tuple of kinds of values"
    if not _tuple(loaded.actions) or not all(isinstance(a, Action) for a in loaded.actions):
        return "its actions are not a tuple of actions"
    if not _tuple(loaded.playbooks) or not loaded.playbooks:
        return "its playbooks are not a tuple with one or more"
    flaw = next(filter(None, map(_playbook_form, loaded.playbooks)), "")
    if not flaw and any(p.inputs for p in loaded.playbooks) and not callable(loaded.with_inputs):
        return "its playbooks have inputs, and its situation cannot be given any"
    return flaw


def _asked(domain: AnyDomain) -> tuple[object, ...]:
    return (
        *(domain.concerns, domain.situation, domain.finding, domain.detail, domain.facts),
        *(domain.levels, domain.baseline, domain.resources, domain.watch),
    )


def _is_kind(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Kinded)


def _playbook_form(loaded: object) -> str:
    if not isinstance(loaded, Playbook):
        return f"{_kind(loaded)} is not a playbook"
    if not _text(loaded.id) or not _ID.fullmatch(loaded.id):
        return "its id does not consist of letters, digits, dots and dashes"
    if not _tuple(loaded.alerts) or not all(_text(text) for text in (loaded.title, *loaded.alerts)):
        return "its title and its alerts are not single lines of text"
    if not _tuple(loaded.branches):
        return "its branches are not a tuple"
    flaw = next(filter(None, map(_branch_form, loaded.branches)), "")
    if not flaw and len({one for b in loaded.branches for one in b.inputs}) > len(loaded.inputs):
        return "two of its branches have different inputs of the same name"
    return flaw


def _branch_form(branch: object) -> str:
    if not isinstance(branch, Branch):
        return f"{_kind(branch)} is not a branch"
    if not all(_text(text) for text in (branch.name, branch.title, branch.condition)):
        return "name, title and condition of a branch are not single lines of text"
    if not all(callable(act) for act in (branch.fits, branch.propose)):
        return "a branch does not say when it fits or what it proposes"
    if not _tuple(branch.inputs) or not all(map(_is_input, branch.inputs)):
        return "the inputs of a branch are not a tuple of inputs"
    return ""


def _is_input(value: object) -> bool:
    return (
        isinstance(value, Input)
        and all(map(_text, (value.name, value.metavar, value.help)))
        and _INPUT.fullmatch(value.name) is not None
        and callable(value.parse)
    )


def _text(value: object) -> bool:
    """Whether it is one line of text. Nothing else checks the types of another package's fields."""
    return isinstance(value, str) and value.isprintable()


def _tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _said(error: BaseException) -> str:
    """An exception on one line, even if its `__str__` fails."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - its own __str__
        text = ""
    return _plain(f"{_kind(error)}: {text}" if text else _kind(error))[:_SAID]


def _kind(value: object) -> str:
    return _plain(type(value).__name__)


def _plain(text: str) -> str:
    """On one line, and valid UTF-8: file names can contain other bytes."""
    return one_line(text.encode("utf-8", "replace").decode())
