"""One bounded request at a time to the RPC of a node (`http_exchange`)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from remediations.reach.http_exchange import ExchangeFailed, Limits, exchange
from remediations.values.endpoint import Endpoint
from remediations.values.reading import Why

Tree = dict[str, Any]
LIMITS = Limits(seconds=10.0, answer_bytes=8 * 1024 * 1024)
_SAID = 200


class RpcError(Exception):
    """A request that failed. `sent` is whether it may have had an effect nevertheless."""

    def __init__(self, what: str, *, why: Why, sent: bool = False) -> None:
        super().__init__(what)
        self.why = why
        self.sent = sent


class AbciAnswer(NamedTuple):
    """What the application answers. `code` is 0 where it has an answer, else `codespace` and `log`
    say why not."""

    code: int
    codespace: str
    log: str
    value: bytes


def ask(endpoint: Endpoint, method: str, **words: str) -> Tree:
    """The `result` of a question. Texts and hex strings are given as they are: `"text"` in quotes,
    hex with 0x.

    Raises:
        RpcError: there was no answer, or an error.
    """
    return _ask(endpoint, method, words, LIMITS)


def _ask(endpoint: Endpoint, method: str, words: Mapping[str, str], limits: Limits) -> Tree:
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in words.items())
    return _result(endpoint, _exchange(endpoint, f"/{method}?{query}", None, limits))


def send(endpoint: Endpoint, method: str, **words: str) -> Tree:
    """The same, for a request that may have an effect."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": words}
    return _result(endpoint, _exchange(endpoint, "/", json.dumps(asked).encode(), LIMITS))


def ask_application(
    endpoint: Endpoint, path: str, asked: bytes, *, height: int = 0, limits: Limits = LIMITS
) -> AbciAnswer:
    """What the application answers to an ABCI query, at a height (0: its last).

    Raises:
        RpcError: there was no answer.
    """
    words = {"path": f'"{path}"', "data": f"0x{asked.hex()}", "height": f'"{height}"'}
    tree = _ask(endpoint, "abci_query", words, limits)
    answer = tree.get("response")
    if not isinstance(answer, dict):
        raise RpcError(f"{endpoint.name}: no response", why=Why.MALFORMED)
    try:
        return AbciAnswer(
            int(answer.get("code") or 0),
            str(answer.get("codespace", "")),
            str(answer.get("log", "")),
            base64.b64decode(answer.get("value") or "", validate=True),
        )
    except (binascii.Error, ValueError, TypeError):
        raise RpcError(f"{endpoint.name}: no base64", why=Why.MALFORMED) from None


def _exchange(endpoint: Endpoint, path: str, body: bytes | None, limits: Limits) -> bytes:
    """The body of the answer, whatever its status: the RPC sends errors with 500."""
    verb, headers = ("GET", {}) if body is None else ("POST", {"Content-Type": "application/json"})
    url = endpoint.url.rstrip("/") + path
    try:
        return exchange(url, limits, verb=verb, headers=headers, body=body).content
    except ExchangeFailed as error:
        raise RpcError(f"{endpoint.name}: {error}", why=error.why, sent=error.sent) from None


def _result(endpoint: Endpoint, content: bytes) -> Tree:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        raise RpcError(f"{endpoint.name}: no JSON", why=Why.MALFORMED) from None
    error = tree.get("error") if isinstance(tree, dict) else None
    if error:
        told = error if isinstance(error, dict) else {}
        said = " ".join(f"{told.get('message', '')} {told.get('data', '')}".split())[:_SAID]
        raise RpcError(f"{endpoint.name}: {said}", why=Why.FAILED)
    result = tree.get("result") if isinstance(tree, dict) else None
    if not isinstance(result, dict):
        raise RpcError(f"{endpoint.name}: no result", why=Why.MALFORMED)
    return result
