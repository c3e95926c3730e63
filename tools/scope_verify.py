"""Checks what was said of a scope of envelopes, without the package that said it.

    scope_verify.py root   SCOPE
    scope_verify.py before SCOPE [--tree NAME=DIRECTORY]… [--export NAME=FILE]…
    scope_verify.py after  SCOPE [--tree …]… [--export …]… --revoked FINGERPRINT
                           [--new-key FILE] [--old-key FILE]

`root` computes count and Merkle root (RFC 6962) from the entries of a scope file. `before` computes
them from the stores themselves: every envelope that lies there is in the scope, and the other way
round. `after` tells what became of each object in scope, over all versions that are there now, and
of any other one that names a revoked key:

    done             no version names a revoked key, and the former one is gone
    already          the version that was in scope names no revoked key
    left             a version names a revoked key, or opens with the old one
    open-to-all      a version opens without any key, as the chain's library seals for several
    missing-key      the new key does not open it
    damaged          it cannot be read, or not be opened with a key that it names
    skipped-foreign  it is no envelope (any more)
    gone             no version is there: somebody deleted it

A tree is a directory. An export is a file with one line of JSON for each version of another store:
{"key": …, "version": …, "data": BASE64}; docs/stores.md has the commands that make one. Keys are
files with 32 bytes, or 64 hex digits. Standard library only; PyNaCl where a key is given.

Exit code: 0 it holds · 1 it does not · 2 it cannot be judged.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import stat
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

LARGEST = 16 * 1024 * 1024
FORMER = re.compile(r"\.(.+)\.remediate-former-([0-9]+-[0-9]+-[0-9]+)", re.DOTALL)
# HSalsa20 of zeros: the chain's library seals what is for several recipients with this constant.
CONSTANT = bytes.fromhex("351f86faa3b988468a850122b65b0acece9c4826806aeee63de9c0da2bd7f91e")
MARKS = (b"recipient_key_ids", b"wrapped_keys")
SETTLED = ("done", "already", "skipped-foreign", "gone")


class Unjudged(Exception):
    """What was given is not what can be checked."""


class Entry(NamedTuple):
    """One version of one object, with the SHA-256 of its bytes."""

    store: str
    key: str
    version: str
    sha256: str


class Found(NamedTuple):
    """One version that is there now."""

    version: str
    data: bytes


def main(argv: list[str]) -> int:
    """Run it; the exit code."""
    try:
        return _run(_arguments(argv))
    except (Unjudged, OSError, RecursionError) as error:
        print(f"scope_verify: cannot be judged: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _run(given: argparse.Namespace) -> int:
    entries, said_count, said_root = read_scope(Path(given.scope).read_bytes())
    holds = _compare("scope file", entries, said_count, said_root)
    if given.what == "root":
        return 0 if holds else 1
    stores = {name: tree(Path(path)) for name, path in given.tree}
    stores.update((name, export(Path(path))) for name, path in given.export)
    missing = {one.store for one in entries} - stores.keys()
    if missing:
        raise Unjudged(f"the scope has stores that were not given: {', '.join(sorted(missing))}")
    if given.what == "before":
        there = [
            Entry(store, key, one.version, _sha256(one.data))
            for store, objects in stores.items()
            for key, versions in objects.items()
            for one in versions
            if is_marked(one.data)
        ]
        for sign, some in (("+", set(there) - set(entries)), ("-", set(entries) - set(there))):
            for one in sorted(some):
                _say(f"{sign} {one.store} {one.key!r} {one.version}")
        return 0 if _compare("stores", there, said_count, said_root) and holds else 1
    if not given.revoked:
        raise Unjudged("`after` needs --revoked FINGERPRINT")
    return 0 if _after(entries, stores, given) and holds else 1


def _after(
    entries: list[Entry], stores: dict[str, dict[str, list[Found]]], given: argparse.Namespace
) -> bool:
    new = key_in(Path(given.new_key)) if given.new_key else None
    old = key_in(Path(given.old_key)) if given.old_key else None
    # What was written since is looked at, too: nobody may have told its writer of the new key.
    objects: dict[tuple[str, str], list[Entry]] = {
        (store, key): [] for store, found in stores.items() for key in found
    }
    for entry in entries:
        objects.setdefault((entry.store, entry.key), []).append(entry)
    counts: Counter[str] = Counter()
    for (store, key), were in sorted(objects.items()):
        now = stores[store].get(key, [])
        outcome = object_outcome(were, now, set(given.revoked), new, old)
        if not were and outcome not in ("left", "open-to-all"):
            continue
        counts[outcome] += 1
        if outcome not in SETTLED:
            _say(f"{outcome} {store} {key!r}")
    _say(" · ".join(f"{counts[one]} {one}" for one in sorted(counts)) or "nothing is in scope")
    return bool(counts) and not counts.keys() - set(SETTLED)


def object_outcome(
    were: Iterable[Entry],
    now: list[Found],
    revoked: set[str],
    new: bytes | None,
    old: bytes | None,
) -> str:
    """What became of one object: the worst of its versions."""
    if not now:
        return "gone"
    former = {(one.version, one.sha256) for one in were}
    found = {version_outcome(one.data, revoked, new, old) for one in now}
    for worst in ("left", "open-to-all", "damaged", "missing-key"):
        if worst in found:
            return worst
    if found == {"skipped-foreign"}:
        return "skipped-foreign"
    stays = former & {(one.version, _sha256(one.data)) for one in now}
    return "already" if stays else "done"


def version_outcome(data: bytes, revoked: set[str], new: bytes | None, old: bytes | None) -> str:
    """What one version is now."""
    envelope = envelope_in(data)
    if envelope is None:
        return "damaged" if is_marked(data) else "skipped-foreign"
    named = {one.partition(":")[0] for one in envelope["recipient_key_ids"]}
    if named & revoked or (old is not None and opens(envelope, old)):
        return "left"
    if new is not None and is_open_to_all(envelope):
        return "open-to-all"
    if new is None or opens(envelope, new):
        return "done"
    return "damaged" if fingerprint_of(new) in named else "missing-key"


def read_scope(data: bytes) -> tuple[list[Entry], int, str]:
    """The entries of a scope file, in its order, with the count and the root that it tells."""
    try:
        document = strict_json(data)
        rows = [
            Entry(
                one["object"]["store"], one["object"]["key"], one["object"]["version"],
                one["sha256"],
            )
            for one in document["entries"]
        ]  # fmt: skip
        if document["format"] != "1" or not all(
            isinstance(one, str) for row in rows for one in row
        ):
            raise Unjudged("not a scope file of format 1")
        return rows, int(document["count"]), str(document["root"])
    except (ValueError, TypeError, KeyError) as error:
        raise Unjudged(f"not a scope file: {type(error).__name__}") from None


def root_of(entries: Iterable[Entry]) -> tuple[int, str]:
    """Count and Merkle root over the entries, each once, in the order of their names."""
    level = [hashlib.sha256(b"\0" + _canonical(one)).digest() for one in sorted(set(entries))]
    if not level:
        return 0, hashlib.sha256().hexdigest()
    count = len(level)
    while len(level) > 1:
        # One that has no neighbour goes up as it is: the same tree as the RFC's recursion.
        paired = [
            hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(paired) * 2 :]
    return count, level[0].hex()


def _canonical(one: Entry) -> bytes:
    tree = {
        "object": {"key": one.key, "store": one.store, "version": one.version},
        "sha256": one.sha256,
    }
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def envelope_in(data: bytes) -> dict[str, Any] | None:
    """The envelope, None for what is none that can be used."""
    try:
        tree = strict_json(data)
        if tree["version"] != 1 or tree["algorithm_id"] != "X25519-XSALSA20-POLY1305":
            return None
        ids = tree["recipient_key_ids"]
        if not ids or not all(re.fullmatch("[0-9a-f]{40}(:v[0-9]{1,10})?", one) for one in ids):
            return None
        for name in ("nonce", "ciphertext", "sender_pub_key"):
            tree[name] = base64.b64decode(tree[name], validate=True)
        wrapped = zip(ids, tree.get("encrypted_keys") or (), strict=False)
        by_name = {
            one["recipient_id"]: one["wrapped_key"] for one in tree.get("wrapped_keys") or ()
        }
        tree["wrapped"] = {
            one.partition(":")[0]: base64.b64decode(value, validate=True)
            for one, value in {**dict(wrapped), **by_name}.items()
        }
        tree["several"] = (tree.get("metadata") or {}).get("_mode") == "multi-recipient"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    lengths = (len(tree["nonce"]), len(tree["sender_pub_key"]))
    return tree if lengths == (24, 32) and len(tree["ciphertext"]) >= 16 else None


def opens(envelope: dict[str, Any], private: bytes) -> bool:
    """Whether a private key opens it, by itself."""
    from nacl import bindings, exceptions

    sender, sealed, nonce = (envelope[one] for one in ("sender_pub_key", "ciphertext", "nonce"))
    try:
        if not envelope["several"]:
            bindings.crypto_box_open(sealed, nonce, sender, private)
            return True
        wrapped = envelope["wrapped"].get(fingerprint_of(private), b"")
        data_key = bindings.crypto_box_open(wrapped[24:], wrapped[:24], sender, private)
    except (exceptions.CryptoError, ValueError):
        return False
    return _unsealed(envelope, data_key) or is_open_to_all(envelope)


def is_open_to_all(envelope: dict[str, Any]) -> bool:
    """Whether the content is under the constant."""
    return bool(envelope["several"]) and _unsealed(envelope, CONSTANT)


def _unsealed(envelope: dict[str, Any], key: bytes) -> bool:
    from nacl import bindings, exceptions

    try:
        bindings.crypto_secretbox_open(envelope["ciphertext"], envelope["nonce"], key)
    except (exceptions.CryptoError, ValueError):
        return False
    return True


def fingerprint_of(private: bytes) -> str:
    """As the chain names the key."""
    from nacl import bindings

    return hashlib.sha256(bindings.crypto_scalarmult_base(private)).hexdigest()[:40]


def key_in(path: Path) -> bytes:
    """The private key in a file: 32 bytes, or 64 hex digits."""
    data = path.read_bytes()
    if len(data) != 32:
        try:
            data = binascii.unhexlify(data.strip())
        except ValueError:
            data = b""
    if len(data) != 32:
        raise Unjudged(f"{path} is no key: neither 32 bytes nor 64 hex digits")
    return data


def tree(root: Path) -> dict[str, list[Found]]:
    """All files below a directory, and the former versions that lie beside them."""
    objects: dict[str, list[Found]] = defaultdict(list)
    if not root.is_dir():
        raise Unjudged(f"{root} is no directory")
    for path in _files(root):
        status = path.stat()
        former = FORMER.fullmatch(path.name)
        own = path.with_name(former[1]) if former else path
        key = "".join(
            f"%{ord(one) & 0xFF:02X}" if one == "%" or "\udc80" <= one <= "\udcff" else one
            for one in str(own.relative_to(root))
        )
        version = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
        with path.open("rb") as file:
            objects[key].append(Found(version, file.read(LARGEST + 1)))
    return objects


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root, onerror=_raise):
        for name in names:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def _raise(error: OSError) -> None:
    raise error


def export(path: Path) -> dict[str, list[Found]]:
    """The versions in an export."""
    objects: dict[str, list[Found]] = defaultdict(list)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = strict_json(line)
                data = base64.b64decode("".join(row["data"].split()), validate=True)
                objects[row["key"]].append(Found(row["version"], data))
            except (ValueError, TypeError, KeyError, AttributeError):
                raise Unjudged(f"{path}:{number} is no line of an export") from None
    return objects


def strict_json(data: bytes) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """JSON in which no name stands twice."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(found)
        if len(names) != len(found):
            raise ValueError("a name stands twice")
        return names

    return json.loads(data, object_pairs_hook=pairs)


def is_marked(data: bytes) -> bool:
    """Whether it has the name of a field that envelopes have: as it is, escaped, in hex, base64."""
    lowered = re.sub(
        rb"\\{1,8}u00([0-9a-f]{2})", lambda one: bytes.fromhex(one[1].decode()), data.lower()
    )
    forms = [form for mark in MARKS for form in (mark, mark.hex().encode())]
    return any(one in lowered for one in forms) or any(
        base64.b64encode(bytes(before) + mark)[-(-4 * before // 3) : 4 * (before + len(mark)) // 3]
        in data
        for mark in MARKS
        for before in range(3)
    )


def _compare(what: str, entries: Iterable[Entry], said_count: int, said_root: str) -> bool:
    count, root = root_of(entries)
    holds = (count, root) == (said_count, said_root)
    _say(f"{what}: {count} versions, root {root}: {'as said' if holds else 'NOT as said'}")
    if not holds:
        _say(f"said: {said_count} versions, root {said_root}")
    return holds


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _say(line: str) -> None:
    print(line)  # noqa: T201 - a program of its own


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError("expected NAME=PATH")
    return name, path


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("root", "before", "after"))
    parser.add_argument("scope")
    parser.add_argument("--tree", type=_pair, action="append", default=[])
    parser.add_argument("--export", type=_pair, action="append", default=[])
    parser.add_argument("--revoked", action="append", default=[])
    parser.add_argument("--new-key")
    parser.add_argument("--old-key")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
