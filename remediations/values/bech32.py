"""Bech32: how the application writes addresses (BIP 173, without its limit of 90 characters).

An operator's address, an account's and a consensus address are the same kind of text: a prefix that
the chain chose, and bytes. A validator's operator and its account are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6
_MAX = 128
OPERATOR_SUFFIX = "valoper"
"""What the prefix of an operator's address has after that of an account's."""


class NotBech32(ValueError):
    """It is no address. The message says why."""


def decode(text: str) -> tuple[str, bytes]:
    """Prefix and bytes of an address.

    Raises:
        NotBech32: it is none, or its checksum is wrong.
    """
    prefix, one, data = text.rpartition("1")
    if not one or not prefix or len(text) > _MAX or text != text.lower() or not text.isascii():
        raise NotBech32("an address has a prefix, the digit 1 and lower-case letters or digits")
    if len(data) < _CHECKSUM or any(letter not in _ALPHABET for letter in data):
        raise NotBech32("an address has a letter that none can have")
    values = [_ALPHABET.index(letter) for letter in data]
    if _polymod((*_expanded(prefix), *values)) != 1:
        raise NotBech32("the checksum of an address is wrong")
    return prefix, bytes(_regrouped(values[:-_CHECKSUM], 5, 8))


def encode(prefix: str, content: bytes) -> str:
    """The address of these bytes."""
    values = [*_regrouped(content, 8, 5, pad=True)]
    total = _polymod((*_expanded(prefix), *values, *[0] * _CHECKSUM)) ^ 1
    check = [total >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in (*values, *check))}"


def account_of(operator: str) -> str:
    """The address of the account that operates a validator.

    Raises:
        NotBech32: it is no operator's address.
    """
    prefix, content = decode(operator)
    if not prefix.endswith(OPERATOR_SUFFIX) or prefix == OPERATOR_SUFFIX:
        raise NotBech32(f"the prefix of an operator's address ends with {OPERATOR_SUFFIX}")
    return encode(prefix.removesuffix(OPERATOR_SUFFIX), content)


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            check ^= generator if top >> place & 1 else 0
    return check


def _regrouped(values: Iterable[int], of: int, into: int, *, pad: bool = False) -> Iterable[int]:
    """The same bits in groups of another size. What is left over is zero, or the text is none."""
    bits = held = 0
    for value in values:
        bits, held = bits << of | value, held + of
        while held >= into:
            held -= into
            yield bits >> held & (1 << into) - 1
            bits &= (1 << held) - 1
    if pad and held:
        yield bits << into - held & (1 << into) - 1
    elif not pad and (held >= of or bits):
        raise NotBech32("the letters of an address do not make whole bytes")
