"""Answers of a scoring service, compared bit by bit. Pure.

An answer is JSON. Its numbers are never made into Python's floats: a score that is rounded, hashed
and written to a state machine differs as soon as one bit of it does
(docs/rules/hazards.md#another-score). Two forms of a comparison:

- `text`: the same JSON with the same digits; only blanks and the order of keys are free.
- `float32`: each number as the bit pattern of the nearest 32-bit float, so that `0.5` and `5e-1`
  are the same answer, and the last digits that no 32-bit float has do not matter.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from fractions import Fraction

ANSWER_BYTES = 4096
_DEEPEST = 16
_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?")
_BITS = re.compile("[0-9a-f]{8}")
_MANTISSA, _LOWEST, _HIGHEST = 24, -149, 127


class AnswerForm(StrEnum):
    """How answers are compared."""

    TEXT = "text"
    FLOAT32 = "float32"


class AnswerError(ValueError):
    """The text is not an answer that can be compared. The message never quotes it."""


class _Digits(str):
    """A number as it is written."""

    __slots__ = ()


def canonical_answer(text: str, form: AnswerForm) -> str:
    """The one text that all equal answers have.

    Raises:
        AnswerError: it is not JSON, is too deep or too long, or has a number that no float has.
    """
    if len(text) > ANSWER_BYTES:
        raise AnswerError(f"an answer of more than {ANSWER_BYTES} characters")
    try:
        tree = json.loads(
            text,
            parse_float=_Digits,
            parse_int=_Digits,
            parse_constant=_no_constant,
            object_pairs_hook=_keys_once,
        )
    except (ValueError, RecursionError) as error:
        known = isinstance(error, AnswerError)
        raise AnswerError(str(error) if known else "an answer that is not JSON") from None
    return _written(tree, form, 0)


def float32_bits(digits: str) -> str:
    """The bit pattern of the 32-bit float nearest to a decimal number (ties to even), as eight hex
    digits. The rounding is done once, on the exact number.

    Raises:
        AnswerError: it is not a decimal number, or larger than any 32-bit float.
    """
    if not _NUMBER.fullmatch(digits):
        raise AnswerError("a number that is too long, or none")
    negative, exact = digits.startswith("-"), abs(Fraction(digits))
    sign = 0x80000000 if negative else 0
    if not exact:
        return f"{sign:08x}"
    exponent = _exponent(exact)
    unit = max(exponent - _MANTISSA + 1, _LOWEST)
    mantissa = round(exact / Fraction(2) ** unit)  # a fraction is rounded half to even
    if mantissa == 1 << _MANTISSA:
        mantissa, unit = mantissa >> 1, unit + 1
    if unit + _MANTISSA - 1 > _HIGHEST:
        raise AnswerError("a number larger than any 32-bit float")
    if mantissa < 1 << (_MANTISSA - 1):  # subnormal
        return f"{sign | mantissa:08x}"
    biased = unit + _MANTISSA - 1 + _HIGHEST
    return f"{sign | biased << 23 | mantissa & 0x7FFFFF:08x}"


def bits_answer(bits: list[str]) -> str:
    """The canonical answer whose predictions have these bit patterns, as TensorFlow Serving
    writes it.

    Raises:
        AnswerError: one is not eight hex digits.
    """
    if not bits or not all(_BITS.fullmatch(one) for one in bits):
        raise AnswerError("a bit pattern that is not eight lower-case hex digits")
    return '{"predictions":[' + ",".join(f"0x{one}" for one in bits) + "]}"


def _exponent(exact: Fraction) -> int:
    """The power of two at or below a positive number."""
    found = exact.numerator.bit_length() - exact.denominator.bit_length()
    return found if exact >= Fraction(2) ** found else found - 1


def _written(tree: object, form: AnswerForm, depth: int) -> str:
    if depth > _DEEPEST:
        raise AnswerError(f"an answer of more than {_DEEPEST} levels")
    if isinstance(tree, dict):
        members = (
            f"{json.dumps(key)}:{_written(tree[key], form, depth + 1)}" for key in sorted(tree)
        )
        return "{" + ",".join(members) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_written(one, form, depth + 1) for one in tree) + "]"
    if isinstance(tree, _Digits):
        return f"0x{float32_bits(tree)}" if form is AnswerForm.FLOAT32 else str(tree)
    return json.dumps(tree)


def _keys_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerError("an answer with one key twice")
    return found


def _no_constant(_word: str) -> object:
    raise AnswerError("an answer that is not a number")
