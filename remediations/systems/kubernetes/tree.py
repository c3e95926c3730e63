"""JSON objects of the API server, read strictly. Pure.

What has another form is a `TextError` that names the place; nothing has a default that decides.
"""

from __future__ import annotations

from typing import Any

from remediations.render.printable import one_line
from remediations.values.lines import TextError

Tree = dict[str, Any]
SHORT = 300


def at(tree: object, *path: str) -> Any:  # noqa: ANN401 - a JSON tree
    """What stands at a path of keys, None where one is missing."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def text(tree: object, *path: str) -> str:
    """The text at a path.

    Raises:
        TextError: there is none.
    """
    value = at(tree, *path)
    if not isinstance(value, str) or not value:
        raise TextError(f"no text at {'.'.join(path)}")
    return one_line(value)[:SHORT]


def number(tree: object, *path: str, absent: int | None = None) -> int:
    """The number at a path; `absent` where the API leaves it out and that means a number.

    Raises:
        TextError: it is something else.
    """
    value = at(tree, *path)
    if value is None and absent is not None:
        return absent
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise TextError(f"no whole number at {'.'.join(path)}")
    return value


def items(tree: object) -> list[Tree]:
    """The objects of a list.

    Raises:
        TextError: it is not a list, or not a whole one.
    """
    found = at(tree, "items")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TextError("no list of objects")
    if at(tree, "metadata", "continue"):
        raise TextError("a list that is longer than was asked for")
    return found


def trees(tree: object, *path: str) -> list[Tree]:
    """The objects of a list at a path; none where the API leaves it out.

    Raises:
        TextError: it is something else.
    """
    found = at(tree, *path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TextError(f"no list at {'.'.join(path)}")
    return found


def texts(tree: object, *path: str) -> dict[str, str]:
    """The texts by name at a path, such as labels; none where the API leaves them out.

    Raises:
        TextError: it is something else.
    """
    found = at(tree, *path)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise TextError(f"no texts at {'.'.join(path)}")
    return {str(key): value for key, value in found.items()}
