"""An S3 bucket, or what lies below a prefix of it, as a store.

Compare-and-swap is `If-Match` with the ETag that was read. Nothing is sent twice: a repeated write
would meet the condition that the first one made false. A bucket without versions forgets the former
object with the write that replaces it: there is nothing to retire then.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediations.systems.stores.s3_errors import told
from remediations.systems.stores.store import (
    MAX_OBJECT,
    MAX_VERSIONS,
    Abilities,
    Absent,
    Changed,
    LiveVersion,
    Locked,
    Malformed,
    NoAnswer,
    NotReachable,
    Stored,
    StoreError,
    TooLarge,
    Version,
)
from remediations.values.secret import Secret

NO_VERSION = "null"
"""The version of what was written while a bucket kept none."""
_CONNECT_S = 5
_ANSWER_S = 30
_SCRATCH = ".remediate-probe-"


_NO_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}
"""Neither variables nor files of the user's choose where a request goes, or who asks."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where it is, and who asks. `ca_file` has who vouches for the server, None for the public
    authorities."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str
    secret_key: Secret
    ca_file: str | None = None


def client_of(bucket: Bucket) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client with time limits, and without repetitions. It takes nothing from the environment but
    proxies."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    session = Session(session_vars=_NO_SETTINGS)
    return boto3.session.Session(botocore_session=session).client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        verify=bucket.ca_file or True,
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key.reveal().decode(),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=_CONNECT_S,
            read_timeout=_ANSWER_S,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class S3Store:
    """The objects below a prefix. Keys are whole keys of the bucket."""

    def __init__(
        self,
        name: str,
        bucket: Bucket,
        *,
        limit: int = MAX_OBJECT,
        client: Any = None,  # noqa: ANN401
    ) -> None:
        self._name = name
        self._at = bucket
        self._limit = limit
        self._client = client or client_of(bucket)
        self._versioned: bool | None = None

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self._name

    def close(self) -> None:
        """End the connections of the client, which opens others when it is asked again."""
        self._client.close()

    def versions(self) -> Iterator[Version]:
        """All versions and delete markers below the prefix, page by page."""
        asked: dict[str, str] = {}
        count = 0
        while True:
            with told():
                page = self._client.list_object_versions(
                    Bucket=self._at.bucket, Prefix=self._at.prefix, **asked
                )
            for row in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                count += 1
                if count > MAX_VERSIONS:
                    raise TooLarge(f"more than {MAX_VERSIONS} versions")
                yield self._listed(row)
            if not page.get("IsTruncated"):
                return
            onwards = {
                "KeyMarker": page.get("NextKeyMarker") or "",
                "VersionIdMarker": page.get("NextVersionIdMarker") or "",
            }
            onwards = {name: value for name, value in onwards.items() if value}
            if not onwards or onwards == asked:
                raise Malformed("a listing that says that it goes on, and not where")
            asked = onwards

    def buckets(self) -> tuple[str, ...]:
        """The names of all buckets that these credentials may list."""
        with told():
            return tuple(one["Name"] for one in self._client.list_buckets().get("Buckets", ()))

    def top_of(self, bucket: str) -> tuple[str, ...]:
        """The first parts of the keys in a bucket, up to a slash, of its first page."""
        with told():
            page = self._client.list_objects_v2(Bucket=bucket, Delimiter="/")
        parts = [one["Prefix"] for one in page.get("CommonPrefixes", ())]
        return (*parts, *(one["Key"] for one in page.get("Contents", ())))

    def _listed(self, row: dict[str, Any]) -> Version:
        if not row["Key"].startswith(self._at.prefix):
            raise Malformed("a listing with keys that were not asked for")
        written = row.get("LastModified")
        return Version(
            key=row["Key"],
            version=row.get("VersionId") or NO_VERSION,
            is_live=bool(row.get("IsLatest")),
            is_marker="ETag" not in row,
            size=int(row.get("Size", 0)),
            written=written.astimezone(UTC) if isinstance(written, datetime) else None,
        )

    def live(self, key: str) -> Stored:
        """What a reader gets who names no version."""
        return self._get(key, {})

    def read(self, key: str, version: str) -> Stored:
        """One version by its id."""
        if version == NO_VERSION and not self._keeps_versions():
            return self.live(key)
        found = self._get(key, {"VersionId": version})
        if found.version != version:
            raise Malformed("another version than the one that was asked for")
        return found

    def _get(self, key: str, which: dict[str, str]) -> Stored:
        with told():
            answer = self._client.get_object(Bucket=self._at.bucket, Key=key, **which)
            data = answer["Body"].read(self._limit + 1)
        if len(data) > self._limit:
            raise TooLarge(f"an object of more than {self._limit} bytes")
        if len(data) != answer.get("ContentLength", len(data)) or not answer.get("ETag"):
            raise Malformed("an object without an ETag, or of another length than it says")
        version = answer.get("VersionId") or NO_VERSION
        return Stored(key=key, version=version, token=answer["ETag"], data=data)

    def replace(self, former: Stored, data: bytes) -> str:
        """Put it under the condition that the ETag is still the one that was read."""
        try:
            return self._put(former.key, data, {"IfMatch": former.token})
        except Absent:
            raise Changed("the object is gone") from None

    def _put(self, key: str, data: bytes, condition: dict[str, str]) -> str:
        with told(writes=True):
            answer = self._client.put_object(
                Bucket=self._at.bucket, Key=key, Body=data, **condition
            )
        if not answer.get("ETag"):
            raise NoAnswer("the answer to a write names no ETag")
        return str(answer.get("VersionId") or NO_VERSION)

    def retire(self, key: str, version: str) -> None:
        """Delete the version by its id. Never without one: that would leave it below a marker."""
        with suppress(Absent):
            if self._live_version(key) == version:
                raise LiveVersion("it is the version that readers get")
        if not self._keeps_versions():
            return  # it went with the write that replaced it
        try:
            with told(writes=True):
                self._client.delete_object(Bucket=self._at.bucket, Key=key, VersionId=version)
        except Absent:
            return
        except (NoAnswer, NotReachable):
            raise
        except StoreError:
            # One that is gone: some servers answer 204, some 404, some 400.
            if not self._is_there(key, version):
                return
            raise

    def _live_version(self, key: str) -> str:
        with told():
            answer = self._client.head_object(Bucket=self._at.bucket, Key=key)
        return str(answer.get("VersionId") or NO_VERSION)

    def _is_there(self, key: str, version: str) -> bool:
        """Whether a version that could not be deleted is there.

        Raises:
            Locked: it is, and the store says until when it keeps it.
        """
        try:
            with told():
                head = self._client.head_object(Bucket=self._at.bucket, Key=key, VersionId=version)
        except Absent:
            return False
        except StoreError:
            return True
        if head.get("ObjectLockLegalHoldStatus") == "ON":
            raise Locked("the store keeps this version until its legal hold is lifted")
        if until := head.get("ObjectLockRetainUntilDate"):
            raise Locked(
                f"the store keeps this version until {until.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
            )
        return True

    def _keeps_versions(self) -> bool:
        """Whether the bucket keeps, or kept, versions. It cannot be undone, so it is asked once."""
        if self._versioned is None:
            with told():
                answer = self._client.get_bucket_versioning(Bucket=self._at.bucket)
            self._versioned = answer.get("Status") in ("Enabled", "Suspended")
        return self._versioned

    def probe(self) -> Abilities:
        """Put, replace and delete a scratch object below the prefix."""
        key = f"{self._at.prefix}{_SCRATCH}{secrets.token_hex(8)}"
        lacks: list[str] = []
        writable = existing = absent = keeps = False
        try:
            absent = self._refuses(key, {"IfMatch": '"0123456789abcdef0123456789abcdef"'})
            if absent:
                self._put(key, b"1", {"IfNoneMatch": "*"})
            one = self.live(key)
            existing = self._refuses(key, {"IfMatch": '"0123456789abcdef0123456789abcdef"'})
            existing = existing and self._refuses(key, {"IfNoneMatch": "*"})
            self._put(key, b"2", {"IfMatch": self.live(key).token})
            writable = self.live(key).data == b"2"
            keeps = self._reads(key, one)
        except StoreError as error:
            lacks.append(f"a scratch object cannot be written and replaced: {error}")
        lacks += self._cleared(key)
        if writable and not (existing and absent):
            lacks.append("it writes in spite of a condition that does not hold")
        return Abilities(
            store=self._name,
            writable=writable,
            refuses_wrong_existing=existing,
            refuses_wrong_absent=absent,
            keeps_versions=keeps,
            shows_all=True,
            lacks=tuple(lacks),
        )

    def _refuses(self, key: str, condition: dict[str, str]) -> bool:
        try:
            self._put(key, b"0", condition)
        except (Changed, Absent):
            return True
        return False

    def _reads(self, key: str, former: Stored) -> bool:
        try:
            return self.read(key, former.version).data == former.data
        except StoreError:
            return False

    def _cleared(self, key: str) -> list[str]:
        """Remove all versions of a scratch object; a sentence where one stays."""
        try:
            with told():
                page = self._client.list_object_versions(Bucket=self._at.bucket, Prefix=key)
            for row in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                version = row.get("VersionId") or NO_VERSION
                which = {"VersionId": version} if self._keeps_versions() else {}
                with told(writes=True):
                    self._client.delete_object(Bucket=self._at.bucket, Key=key, **which)
        except StoreError as error:
            return [f"the scratch object {key} could not be removed: {error}"]
        return []
