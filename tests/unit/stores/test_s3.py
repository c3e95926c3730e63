"""A bucket as a store, against moto; the lab has a real server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from remediations.systems.stores.s3 import Bucket, S3Store, client_of
from remediations.systems.stores.store import (
    AllDenied,
    Changed,
    Denied,
    Locked,
    Malformed,
    NoAnswer,
    NoSpace,
    NotReachable,
    Store,
    StoreError,
    TooLarge,
)
from remediations.values.secret import Secret
from tests.unit.stores import conformance

Client = Any  # boto3 makes its clients at run time
AT = Bucket(
    endpoint="https://s3.amazonaws.com",
    bucket="vault",
    prefix="env/",
    region="us-east-1",
    access_key="AK",
    secret_key=Secret(b"canary-secret-key", "s3"),
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine that runs tests has set up for S3 is not asked."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[True, False], ids=["versions", "no versions"])
def versioned(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def client(versioned: bool) -> Iterator[Client]:
    with mock_aws():
        client = client_of(AT)
        client.create_bucket(Bucket="vault")
        if versioned:
            client.put_bucket_versioning(
                Bucket="vault", VersioningConfiguration={"Status": "Enabled"}
            )
        client.put_object(Bucket="vault", Key="env/one", Body=b"old")
        client.put_object(Bucket="vault", Key="env/two", Body=b"other")
        client.put_object(Bucket="vault", Key="elsewhere", Body=b"not in scope")
        yield client


@pytest.fixture
def store(client: Client) -> S3Store:
    return S3Store("bucket", AT, client=client)


def answering(client: Client, operation: str, **changes: object) -> None:
    """The server's answer to an operation has these members instead."""

    def change(parsed: dict[str, object], **_: object) -> None:
        parsed.update(changes)

    client.meta.events.register(f"after-call.s3.{operation}", change)


def test_compare_and_swap(store: Store) -> None:
    """As every store."""
    conformance.replaces_by_compare_and_swap(store, "env/one")


def test_retire(store: Store, versioned: bool) -> None:
    """As every store; a bucket without versions has nothing to retire."""
    if versioned:
        conformance.retires_by_id(store, "env/one", keeps_versions=True)
        return
    former = store.live("env/one")
    store.replace(former, b"new")
    with pytest.raises(StoreError, match="readers get"):
        store.retire("env/one", former.version)
    assert store.live("env/one").data == b"new"


def test_absent(store: Store) -> None:
    """As every store."""
    conformance.says_what_is_absent(store)


def test_probe(store: Store, versioned: bool) -> None:
    """As every store."""
    conformance.probe_leaves_nothing(store, keeps_versions=versioned)


def test_only_the_prefix_is_listed(store: Store) -> None:
    """All of it, and nothing else."""
    assert conformance.live_keys(store) == ["env/one", "env/two"]


@pytest.mark.parametrize("versioned", [True])
def test_deleted_objects_are_listed_with_their_marker(store: Store, client: Client) -> None:
    """Their bytes are readable still."""
    client.delete_object(Bucket="vault", Key="env/one")
    rows = [one for one in store.versions() if one.key == "env/one"]
    assert sorted(one.is_marker for one in rows) == [False, True]
    assert [one.is_live for one in rows if not one.is_marker] == [False]
    version = next(one.version for one in rows if not one.is_marker)
    assert store.read("env/one", version).data == b"old"
    store.retire("env/one", version)
    assert ("env/one", version) not in conformance.names(store)


def test_what_was_deleted_is_not_written_again(store: Store, client: Client) -> None:
    """Whoever deleted it was first."""
    former = store.live("env/one")
    client.delete_object(Bucket="vault", Key="env/one")
    with pytest.raises(Changed):
        store.replace(former, b"new")
    assert conformance.live_keys(store) == ["env/two"]


@pytest.mark.parametrize("versioned", [True])
def test_pages_are_joined(store: S3Store, client: Client) -> None:
    """Each version once, however small the pages are."""
    for number in range(7):
        client.put_object(Bucket="vault", Key="env/one", Body=b"%d" % number)
    listing = client.list_object_versions
    client.list_object_versions = lambda **asked: listing(**asked, MaxKeys=2)
    rows = list(store.versions())
    assert len({(one.key, one.version) for one in rows}) == 9


def test_a_listing_that_never_ends_is_refused(store: S3Store, client: Client) -> None:
    """It says that it goes on, from where it began."""
    answering(client, "ListObjectVersions", IsTruncated=True, NextKeyMarker="env/one")
    with pytest.raises(Malformed, match="goes on"):
        list(store.versions())


def test_a_listing_of_other_keys_is_refused(store: S3Store, client: Client) -> None:
    """They would be read, and sealed anew, as if they were in scope."""
    answering(client, "ListObjectVersions", Versions=[{"Key": "x", "ETag": "e"}])
    with pytest.raises(Malformed, match="not asked for"):
        list(store.versions())


def test_a_server_that_ignores_conditions_is_seen(store: S3Store, client: Client) -> None:
    """It answers 200, and writes."""

    def ignore(params: dict[str, Any], **_: object) -> None:
        params["headers"] = {
            name: value for name, value in params["headers"].items() if not name.startswith("If-")
        }

    client.meta.events.register("before-call.s3.PutObject", ignore)
    before = conformance.names(store)
    found = store.probe()
    assert found.writable
    assert not found.is_conditional
    assert found.lacks == ("it writes in spite of a condition that does not hold",)
    assert conformance.names(store) == before


@pytest.mark.parametrize("versioned", [True])
def test_a_locked_version_is_no_failure_of_ours(store: S3Store, client: Client) -> None:
    """It is an exception with its date."""
    from botocore.exceptions import ClientError

    former = store.live("env/one")
    store.replace(former, b"new")

    def denied(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteObject")

    client.delete_object = denied
    with pytest.raises(Denied):
        store.retire("env/one", former.version)
    answering(client, "HeadObject", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(Locked, match="legal hold"):
        store.retire("env/one", former.version)


ANSWERS: dict[str, tuple[str, int, type[StoreError], type[StoreError]]] = {
    "no right": ("AccessDenied", 403, Denied, Denied),
    "a wrong key": ("SignatureDoesNotMatch", 403, AllDenied, AllDenied),
    "a wrong clock": ("RequestTimeTooSkewed", 403, AllDenied, AllDenied),
    "a key that is gone": ("InvalidAccessKeyId", 403, AllDenied, AllDenied),
    "no room": ("InsufficientStorage", 507, NoSpace, NoSpace),
    "no bucket": ("NoSuchBucket", 404, NotReachable, NotReachable),
    "a server that fails": ("InternalError", 500, NotReachable, NoAnswer),
    "a server that is busy": ("SlowDown", 503, NotReachable, NoAnswer),
    "a conflict": ("ConditionalRequestConflict", 409, Changed, Changed),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_errors_say_whether_something_may_have_happened(
    store: S3Store, client: Client, case: str
) -> None:
    """A read can be repeated; a write without an answer cannot."""
    from botocore.exceptions import ClientError

    code, status, reading, writing = ANSWERS[case]
    former = store.live("env/one")

    def answer(**_: object) -> None:
        raise ClientError(
            {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "x"
        )

    client.get_object = client.put_object = answer
    with pytest.raises(reading) as caught:
        store.live("env/one")
    assert "canary" not in str(caught.value)
    with pytest.raises(writing):
        store.replace(former, b"new")


def test_settings_of_the_user_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a profile, nor files, nor another endpoint."""
    (tmp_path / "config").write_text("[default]\nregion = elsewhere\nendpoint_url = http://x\n")
    settings = {
        "AWS_PROFILE": "nowhere",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://x",
        "AWS_ENDPOINT_URL_S3": "http://x",
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_CA_BUNDLE": "/nowhere",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = client_of(AT)
    credentials = client._request_signer._credentials
    assert client.meta.endpoint_url == AT.endpoint
    assert client.meta.region_name == AT.region
    assert (credentials.access_key, credentials.token) == (AT.access_key, None)


def test_nothing_is_sent_where_there_is_no_server() -> None:
    """Nothing can have happened."""
    import dataclasses

    store = S3Store("s", dataclasses.replace(AT, endpoint="http://127.0.0.1:9"))
    with pytest.raises(NotReachable):
        list(store.versions())


def test_a_large_object_is_not_read(client: Client) -> None:
    """It is said to be too large, and never cut."""
    with pytest.raises(TooLarge):
        S3Store("s", AT, client=client, limit=2).live("env/one")


def test_a_write_without_an_etag_may_have_happened(store: S3Store, client: Client) -> None:
    """A proxy's page with status 200."""
    former = store.live("env/one")
    answering(client, "PutObject", ETag="")
    with pytest.raises(NoAnswer):
        store.replace(former, b"new")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client asks the environment for one; the server is not at fault."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    at = dataclasses.replace(AT, endpoint="http://192.0.2.1:9")
    with pytest.raises(NotReachable, match="the proxy that the environment names"):
        list(S3Store("bucket", at).versions())
