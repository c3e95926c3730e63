"""What `module-hash-by-height HEIGHT -o json` prints: the hash of each store of an application.

The answer stands among other lines, so its beginning is looked for. The app hash is the root of the
stores' hashes: a list that does not give it is incomplete, or belongs to another state.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remediations.systems.comet.proof.hashes import merkle_root

MAX_ANSWER = 32_768
"""Bytes of one answer, some 200 stores: what is longer is cut at its begin, and not read."""
MAX_STORES = 400
_BEGIN = re.compile(r'\{\s*"version"')
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")
_HASH = re.compile(r"([0-9A-F]{2}){0,64}")
_USAGE = re.compile(r"Usage:|unknown command")
_ERROR = re.compile(r"Error: (.{1,200})")


class NoModuleHashes(Exception):
    """The program gave no answer that can be relied on; the text says why."""


@dataclass(frozen=True, kw_only=True)
class ModuleHashes:
    """The stores of a state after a block: name → hash in upper-case hex, "" for an empty one."""

    height: int
    stores: Mapping[str, str]

    @property
    def app_hash(self) -> str:
        """The app hash that these give, in upper-case hex."""
        leaves = [
            _pair(name.encode(), hashlib.sha256(bytes.fromhex(self.stores[name])).digest())
            for name in sorted(self.stores, key=str.encode)
        ]
        return merkle_root(leaves).hex().upper()


def _pair(key: bytes, value: bytes) -> bytes:
    """Both with their lengths before them; each is shorter than 128 bytes."""
    return bytes((len(key),)) + key + bytes((len(value),)) + value


def read_module_hashes(text: str, height: int, app_hash: str) -> ModuleHashes:
    """The hashes in what the program printed, which must be those of `height`, and give `app_hash`
    (upper-case hex).

    Raises:
        NoModuleHashes: there are none, or others.
    """
    found = _last_answer(text)
    if found is None:
        raise NoModuleHashes(_why_not(text))
    if found.get("version") not in (height, str(height)):
        raise NoModuleHashes(f"it tells of another height than {height}")
    stores = _stores(found.get("store_infos"))
    told = ModuleHashes(height=height, stores=MappingProxyType(stores))
    if told.app_hash != app_hash:
        raise NoModuleHashes("the stores that it names do not give the app hash")
    return told


def _last_answer(text: str) -> Mapping[str, object] | None:
    """The last JSON object with a list of stores."""
    decoder = json.JSONDecoder()
    for begin in reversed([match.start() for match in _BEGIN.finditer(text)]):
        try:
            found, _ = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "store_infos" in found:
            return found
    return None


def _stores(infos: object) -> dict[str, str]:
    if not isinstance(infos, list) or not 0 < len(infos) <= MAX_STORES:
        raise NoModuleHashes("its list of stores cannot be read")
    found: dict[str, str] = {}
    for info in infos:
        name, store_hash = _store(info)
        if name in found:
            raise NoModuleHashes(f"it names the store {name} twice")
        found[name] = store_hash
    return found


def _store(info: object) -> tuple[str, str]:
    """One store. Its hash is written in hex, and that in base64."""
    try:
        name, packed = info["name"], info["commit_id"]["hash"] or ""  # type: ignore[index]
        store_hash = base64.b64decode(packed, validate=True).decode("ascii")
    except (KeyError, TypeError, ValueError):
        raise NoModuleHashes("a store of it cannot be read") from None
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not _HASH.fullmatch(store_hash):
        raise NoModuleHashes("the name or the hash of a store cannot be read")
    return name, store_hash


def _why_not(text: str) -> str:
    error = _ERROR.search(text)
    if error is not None and not _USAGE.search(text):
        return f"the program refused: {error[1].strip()}"
    if _USAGE.search(text):
        return "the program has no module-hash-by-height"
    end = text.strip()[-160:]
    return f"no answer in what it printed: {end}" if end else "the program gave no answer"
