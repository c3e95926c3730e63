"""Traces of envelopes in any bytes: the second way to find out what is in scope. Pure.

A list of places is what somebody declared. Envelopes also lie where nobody declared them: in a
column that was filled by hand, in a backup, as text within other JSON, in base64 or hex.
"""

from __future__ import annotations

import base64
import re

MARKS = (b"recipient_key_ids", b"wrapped_keys")
"""Names of fields that hardly anything else has: each form of an envelope has one of them."""


def _in_base64(mark: bytes, before: int) -> bytes:
    """The characters that base64 of any text has with the mark at `before` bytes modulo three."""
    encoded = base64.b64encode(bytes(before) + mark)
    return encoded[-(-8 * before // 6) : 8 * (before + len(mark)) // 6]


_PLAIN = tuple(form for mark in MARKS for form in (mark, mark.hex().encode()))
_BASE64 = tuple(_in_base64(mark, before) for mark in MARKS for before in range(3))
# As a decoder sees a name of which some characters are escaped, and in any case: Go's decoder
# takes `Recipient_Key_IDs` for the field, too.
_ESCAPED = re.compile(
    b"|".join(
        b"".join(rb"(?:%b|\\{1,8}u00%02x)" % (re.escape(bytes([one])), one) for one in mark)
        for mark in MARKS
    ),
    re.IGNORECASE,
)


def is_marked(data: bytes) -> bool:
    """Whether there is a trace of an envelope: plain, escaped, in base64 or in hex."""
    if any(mark in data for mark in (*_PLAIN, *_BASE64)):
        return True
    lowered = data.lower()
    return any(mark in lowered for mark in _PLAIN) or (
        b"\\" in data and _ESCAPED.search(data) is not None
    )
