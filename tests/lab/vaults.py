"""Real stores with envelopes that are made from a seed, and what their reader finds in them.

The reader is not ours: it opens boxes with PyNaCl's own calls, by the fields of the JSON.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from nacl.bindings import crypto_box_open
from nacl.exceptions import CryptoError

from remediations.systems.stores.envelope import canonical
from remediations.systems.stores.postgres import Table
from remediations.systems.stores.s3 import Bucket, client_of
from remediations.systems.stores.sealing import PrivateKey, seal
from remediations.values.secret import Secret
from tests.lab import store_servers

Objects = dict[str, bytes]


@dataclass
class Vault:
    """One store: its section of an inventory, and what lies in it now."""

    name: str
    section: str
    objects: Callable[[], Objects]
    """By key, what a reader of the store gets."""
    put: Callable[[str, bytes], None]
    """As another writer does, without asking."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """What was sealed, by key, to the key that is out."""

    def fill(self, count: int, seed: int, key: PrivateKey, other: PrivateKey) -> None:
        """So many envelopes of the one key, a few of the other, and something that is none."""
        made = random.Random(f"{self.name} {seed}")
        for number in range(count):
            name, content = f"object-{number:05d}", made.randbytes(made.randint(1, 2000))
            self.contents[name] = content
            self.put(name, sealed(content, key))
        for number in range(3):
            self.put(f"other-{number}", sealed(b"of another reader", other))


def sealed(content: bytes, key: PrivateKey) -> bytes:
    """An envelope for a key, in the chain's form."""
    return canonical(seal(Secret(content, "vault of a test"), key.public))


def read_with(data: bytes, key: PrivateKey) -> bytes | None:
    """What the reader finds in an envelope; None where the key does not open it."""
    tree: dict[str, Any] = json.loads(data)
    sealed_, nonce, sender = (
        base64.b64decode(tree[name]) for name in ("ciphertext", "nonce", "sender_pub_key")
    )
    try:
        return bytes(crypto_box_open(sealed_, nonce, sender, key.secret.reveal()))
    except CryptoError:
        return None


def files(root: Path, rules: str = "") -> Vault:
    """A directory."""
    root.mkdir()

    def objects() -> Objects:
        every = (path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in every}

    def put(name: str, data: bytes) -> None:
        fresh = root / f"{name}.written"
        fresh.write_bytes(data)
        fresh.rename(root / name)

    return Vault("tree", f"{{kind: files, path: {root}{rules}}}", objects, put)


def state(chain_id: str, endpoints: Sequence[str], accepted: int = 0) -> Vault:
    """What people uploaded to the chain, in its own state. It is written by transactions only."""
    named = ", ".join(f"rpc{number}: '{url}'" for number, url in enumerate(endpoints))

    def put(*_: object) -> None:
        raise NotImplementedError("a transaction does")

    return Vault(
        "scopes",
        f"{{kind: chain, chain_id: {chain_id}, endpoints: {{{named}}}, module: veid, "
        f"prefix: '02', accept_locked: {accepted}}}",
        dict,
        put,
    )


@contextmanager
def bucket(secret: Path, *, versions: bool) -> Iterator[Vault]:
    """A bucket of a real server."""
    with store_servers.s3(versions=versions) as at:
        yield bucket_at(at, secret, versions=versions)


def bucket_at(at: Bucket, secret: Path, *, versions: bool) -> Vault:
    """A new bucket of a server that runs."""
    client = client_of(at)
    client.create_bucket(Bucket=at.bucket)
    if versions:
        client.put_bucket_versioning(
            Bucket=at.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    write_secret(secret, at.secret_key)

    def objects() -> Objects:
        return dict(_versions(at, client))

    def put(name: str, data: bytes) -> None:
        client.put_object(Bucket=at.bucket, Key=at.prefix + name, Body=data)

    return Vault(
        "bucket",
        f"{{kind: s3, endpoint: '{at.endpoint}', bucket: {at.bucket}, prefix: {at.prefix}, "
        f"access_key: {at.access_key}, secret_key_file: {secret}}}",
        objects,
        put,
    )


def _versions(at: Bucket, client: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401 - boto3's
    """All versions of all objects: two of one key make the key of the older one its version."""
    seen: set[str] = set()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=at.bucket):
        for row in page.get("Versions", ()):
            key, version = row["Key"], row.get("VersionId", "null")
            which = {} if version == "null" else {"VersionId": version}
            data = client.get_object(Bucket=at.bucket, Key=key, **which)["Body"].read()
            name = key.removeprefix(at.prefix)
            yield (f"{name}@{version}" if name in seen else name), data
            seen.add(name)


@contextmanager
def table(secret: Path) -> Iterator[Vault]:
    """A table of a real PostgreSQL."""
    with store_servers.postgres() as at:
        yield table_at(at, secret)


def table_at(at: Table, secret: Path) -> Vault:
    """A new table of a server that runs."""
    write_secret(secret, at.password)
    execute(at, "CREATE TABLE vault (id text PRIMARY KEY, envelope bytea)")

    def objects() -> Objects:
        rows = execute(at, "SELECT id, envelope FROM vault")
        return {name: bytes(data) for name, data in rows}

    def put(name: str, data: bytes) -> None:
        execute(
            at,
            "INSERT INTO vault VALUES (%s, %s) "
            "ON CONFLICT (id) DO UPDATE SET envelope = excluded.envelope",
            (name, data),
        )

    return Vault(
        "table",
        f"{{kind: postgres, host: {at.host}, port: {at.port}, database: {at.database}, "
        f"user: {at.user}, password_file: {secret}, table: {at.schema}.{at.table}, "
        f"key_column: {at.key_column}, value_column: {at.value_column}, tls: none}}",
        objects,
        put,
    )


def execute(at: Table, statement: str, given: tuple[object, ...] = ()) -> list[Any]:
    """Run it as the owner of the table."""
    with psycopg.connect(
        host=at.host, port=at.port, dbname=at.database, user=at.user,
        password=at.password.reveal().decode(), autocommit=True,
    ) as connection:  # fmt: skip
        found = connection.execute(statement.encode(), given)
        return found.fetchall() if found.description else []


def write_secret(path: Path, secret: Secret) -> None:
    """A file that nobody else reads."""
    path.write_bytes(secret.reveal() + b"\n")
    path.chmod(0o600)


def write_pem(path: Path, key: PrivateKey, passphrase: Path) -> None:
    """As `openssl` writes a key under a passphrase."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
    )

    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    private = X25519PrivateKey.from_private_bytes(key.secret.reveal())
    path.write_bytes(
        private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"correct horse")
        )
    )
    path.chmod(0o600)


def search(directory: Path, needles: Mapping[str, bytes], *, but: Path) -> list[str]:
    """In which files any of these bytes stand: as they are, in hex, or in base64 at any of three
    places. `but` is where they belong."""
    found = []
    for name, needle in needles.items():
        forms = [needle, needle.hex().encode()]
        forms += [base64.b64encode(b"\0" * skip + needle)[4:-4] for skip in range(3)]
        found += [
            f"{name} in {path}"
            for path in directory.rglob("*")
            if path.is_file() and path != but
            if any(form in path.read_bytes() for form in forms)
        ]
    return found
