"""Opens what an inventory names: the adapter of a store, and files with secrets."""

from __future__ import annotations

import os
from pathlib import Path

from remediations.files.trusted import read_trusted
from remediations.systems.stores.chain_state import ChainState
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.inventory import BucketPlace, ChainPlace, FilesPlace, Place, Tls
from remediations.systems.stores.postgres import PostgresStore, Table
from remediations.systems.stores.s3 import Bucket, S3Store
from remediations.systems.stores.store import Absent, Denied, Malformed, Store
from remediations.values.known_secrets import remembered
from remediations.values.secret import Secret

_SECRET_BYTES = 4096
_OTHERS_READ = 0o077


def store_at(place: Place) -> Store:
    """The adapter for a store of the inventory. Credentials are read here, when they are needed.

    Raises:
        StoreError: its credentials cannot be read.
        RemediationError: somebody else could have written them.
    """
    if isinstance(place, FilesPlace):
        return FileTree(place.name, Path(place.path))
    if isinstance(place, BucketPlace):
        return S3Store(
            place.name,
            Bucket(
                endpoint=place.endpoint,
                bucket=place.bucket,
                prefix=place.prefix,
                region=place.region,
                access_key=place.access_key,
                secret_key=secret_in(place.secret_key_file),
                ca_file=place.ca_file,
            ),
        )
    if isinstance(place, ChainPlace):
        return ChainState(
            place.name,
            chain_id=place.chain_id,
            endpoints=place.endpoints,
            module=place.module,
            prefix=bytes.fromhex(place.prefix),
        )
    schema, _, table = place.table.partition(".")
    return PostgresStore(
        place.name,
        Table(
            host=place.host,
            port=place.port,
            database=place.database,
            user=place.user,
            password=secret_in(place.password_file),
            schema=schema,
            table=table,
            key_column=place.key_column,
            value_column=place.value_column,
            sslmode="disable" if place.tls is Tls.NONE else "verify-full",
            ca_file=place.ca_file,
        ),
    )


def secret_in(path: str) -> Secret:
    """The one line of a file that nobody else reads.

    Raises:
        StoreError: there is no such file, others can read it, or it is not one line of ASCII.
        RemediationError: somebody else could have written it.
    """
    value = private_bytes(path).reveal().removesuffix(b"\n")
    if not value or not value.isascii() or b"\n" in value or b"\0" in value:
        raise Malformed(f"{path} is not one line of ASCII")
    return remembered(Secret(value, path))


def private_bytes(path: str) -> Secret:
    """What is in a file that nobody else reads.

    Raises:
        StoreError: there is no such file, or others can read it.
        RemediationError: somebody else could have written it.
    """
    try:
        if os.stat(path).st_mode & _OTHERS_READ:  # noqa: PTH116 - with the path as it is told
            raise Denied(f"{path} can be read by others: chmod 600")
        return remembered(Secret(read_trusted(Path(path), limit=_SECRET_BYTES).data, path))
    except OSError as error:
        raise Absent(f"{path}: {os.strerror(error.errno or 0)}") from None
