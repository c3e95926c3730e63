"""The file of an inventory: bytes that nobody else could have written, as YAML that is not run."""

from __future__ import annotations

import warnings
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError

from remediations.engine.observe.inventory_table import InventoryTable, complaint, shown
from remediations.files.trusted import MEGABYTE, read_trusted

_DEEPEST = 16
"""Levels of an inventory, and some: ten thousand brackets would take ruamel.yaml ten seconds."""
_LEAKS = (RecursionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ruamel.yaml raises besides its own errors, for tags and keys that are rarely met: an
unfilled `{{ name }}` of a template is a mapping as a key."""


def read_file(path: Path) -> tuple[InventoryTable, str]:
    """The file's table, and the SHA-256 of its bytes.

    Raises:
        UsageError: it cannot be read, others could have written it, or it is not a mapping in YAML.
    """
    try:
        file = read_trusted(path, limit=MEGABYTE)
    except OSError as error:
        raise complaint(path, 0, error.strerror or str(error), "a file that can be read") from error
    content = _parsed(path, file.data)
    if not isinstance(content, CommentedMap):
        raise complaint(path, 1, shown(content), "a mapping with version, ssh and hosts")
    return InventoryTable(path, content), file.sha256


def _parsed(path: Path, data: bytes) -> object:
    if path.suffix == ".py":
        raise complaint(path, 0, "a Python file", "YAML: an inventory is read here, never run")
    try:
        yaml = YAML(typ="rt", pure=True)
        yaml.max_depth = _DEEPEST
        with warnings.catch_warnings():
            # An anchor used twice is legal, and a warning would print a path of this machine.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            return yaml.load(StringIO(data.decode()))
    except UnicodeDecodeError as error:
        raise complaint(path, 0, f"no UTF-8: {error.reason}", "YAML in UTF-8") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise complaint(path, line, error.problem or str(error), "YAML, each key once") from error
    except (YAMLError, *_LEAKS) as error:
        got = f"{type(error).__name__}: {shown(str(error))}"
        expected = "plain YAML: no tags, no mapping or list as a key"
        raise complaint(path, 0, got, expected) from error
