"""What this process has read of secrets, and texts and documents without them.

Whatever reads a secret from its source has it remembered (`remembered`). Whatever lets text out
that others have written (an error of a library, a traceback, a record) passes it through
`without_secrets`: a server can echo what it was given, and a library can quote it.

A document is never cut: its strings are looked at one by one, and what has none stays as it is,
byte for byte. So digests and chains of hashes are made over what is written.

A secret of fewer than `SHORTEST` bytes is not looked for: it is a word that stands in texts and
names by chance, and to take it out would damage them.
"""

from __future__ import annotations

import json
from typing import Any

from remediations.values.secret import Secret

SHORTEST = 8
_KNOWN: dict[bytes, Secret] = {}


def remembered(secret: Secret) -> Secret:
    """The same secret, which leaves this process in no text from now on."""
    if len(secret.reveal().strip()) >= SHORTEST:
        _KNOWN.setdefault(secret.reveal(), secret)
    return secret


def without_secrets(text: str) -> str:
    """The text, with what stands for a secret in the place of each that this process knows."""
    if not _KNOWN:
        return text
    # Imported here: no command that reads no secret needs it.
    from remediations.values.redaction import redacted

    return redacted(text, tuple(_KNOWN.values()))


def document_without_secrets(data: bytes) -> bytes:
    """Canonical JSON, with the secrets taken out of its strings and of the names of its members. It
    is canonical JSON again; the same bytes where there was none."""
    if not _KNOWN or without_secrets(text := data.decode()) == text:
        return data
    from remediations.values.wire import canonical

    return canonical(_cleaned(json.loads(text)))


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {without_secrets(name): _cleaned(one) for name, one in value.items()}
    return value
