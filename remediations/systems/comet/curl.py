"""The shell command that asks the RPC of a node, on its host. Text only."""

from __future__ import annotations

import shlex

CURL = "curl -q -sSg --proto =http --noproxy '*'"
"""No configuration, no proxy, no patterns in URLs, and only HTTP: the URL came from a host, and
could be `file:///etc/passwd`."""


def curl_command(*urls: str, seconds: int) -> str:
    """A command that prints the answer of each URL, one line or more, within `seconds` each. A word
    without `--url` before it could be taken for an option."""
    words = "".join(f" --url {shlex.quote(url)}" for url in urls)
    return f"{CURL} --max-time {seconds} -w '\\n'{words}"
