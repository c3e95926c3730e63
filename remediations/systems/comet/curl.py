"""How the RPC of a node is asked by a shell on its host. Text only."""

from __future__ import annotations

import shlex

CURL = "curl -q -sSg --proto =http --noproxy '*'"
"""No configuration, no proxy, no patterns in URLs, and no other protocol: a URL came from a host,
and `file:///etc/passwd` is one, too."""


def curl_command(*urls: str, seconds: int) -> str:
    """A command that prints the answer of each URL, a line or more, in at most so many seconds
    each. `--url`, because whatever else stands there could be an option."""
    words = "".join(f" --url {shlex.quote(url)}" for url in urls)
    return f"{CURL} --max-time {seconds} -w '\\n'{words}"
