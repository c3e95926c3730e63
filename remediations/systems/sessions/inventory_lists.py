"""Values of the section `sessions` that are no single word: arguments, bodies, fingerprints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # YAML takes a while to load
    from remediations.engine.observe.inventory_table import InventoryTable

_MOST_ARGUMENTS, _MOST_KEYS = 32, 100
_BODY_BYTES = 4096
_DEPTH = 8
_ARGUMENT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,256}")
_PROGRAM = re.compile(r"(/[A-Za-z0-9_.@+:,=-]{1,128}){1,16}")
_FINGERPRINT = re.compile("[0-9a-f]{40}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]{0,64}")


def program_and_arguments(table: InventoryTable, key: str) -> tuple[str, ...]:
    """The words of a command, the first of which is the absolute path of a program.

    Raises:
        UsageError: they are something else.
    """
    words = table.content[key]
    if not isinstance(words, list) or not 1 <= len(words) <= _MOST_ARGUMENTS:
        raise table.wrong(key, f"a list of 1 to {_MOST_ARGUMENTS} words, no line for a shell")
    program = words[0]
    if not isinstance(program, str) or not _PROGRAM.fullmatch(program) or ".." in program:
        raise table.wrong(key, "the absolute path of a program as its first word", repr(program))
    for word in words[1:]:
        if not isinstance(word, str) or not _ARGUMENT.fullmatch(word):
            expected = "texts of up to 256 signs on one line; a number is a text in quotes"
            raise table.wrong(key, expected, repr(word)[:120])
    return tuple(str(word) for word in words)


def fingerprints(table: InventoryTable, key: str) -> tuple[str, ...]:
    """Fingerprints of keys, each once.

    Raises:
        UsageError: they are something else.
    """
    found = table.content[key]
    if not isinstance(found, list) or not 1 <= len(found) <= _MOST_KEYS:
        raise table.wrong(key, f"a list of 1 to {_MOST_KEYS} fingerprints; left out: every key")
    for one in found:
        if not isinstance(one, str) or not _FINGERPRINT.fullmatch(one):
            raise table.wrong(key, "fingerprints: 40 small hex digits, in quotes", repr(one)[:80])
    if len(set(found)) != len(found):
        raise table.wrong(key, "each fingerprint once")
    return tuple(str(one) for one in found)


def json_body(table: InventoryTable, key: str) -> str:
    """A JSON text, the same for the same value.

    Raises:
        UsageError: it has something else than texts, whole numbers, lists and mappings.
    """
    expected = "texts, whole numbers, true, false, lists and mappings, 4096 bytes in all"
    try:
        plain = _plain(table.content[key], _DEPTH)
    except ValueError as error:
        raise table.wrong(key, expected, f"{key}: {error}") from None
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=True)
    if len(text) > _BODY_BYTES:
        raise table.wrong(key, expected, f"{key}: {len(text)} bytes")
    return text


def equal_value(table: InventoryTable, key: str) -> str:
    """A single value as JSON text.

    Raises:
        UsageError: it is something else.
    """
    value = table.content[key]
    good = isinstance(value, bool | int) or (isinstance(value, str) and _TEXT.fullmatch(value))
    if not good:
        raise table.wrong(key, "a whole number, true, false, or a text of up to 64 signs")
    return json.dumps(_plain(value, 1), ensure_ascii=True)


def _plain(value: object, depth: int) -> object:
    """The same in Python's own types.

    Raises:
        ValueError: there is something else in it.
    """
    if depth < 0:
        raise ValueError(f"more than {_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key that is no text")
        return {str(key): _plain(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, depth - 1) for one in value]
    raise ValueError(f"a {type(value).__name__}")
