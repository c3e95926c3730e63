"""What an S3 client raises, in the words of stores. Nothing of an answer is quoted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remediations.systems.stores.store import (
    Absent,
    AllDenied,
    Changed,
    Denied,
    Locked,
    Malformed,
    NoAnswer,
    NoSpace,
    NotReachable,
    StoreError,
)

_NO_RIGHT = "the credentials do not have the right"
_ALL_DENIED = {
    "AllAccessDisabled": "all access to the bucket is disabled",
    "ExpiredToken": "the credentials have expired",
    "InvalidAccessKeyId": "the store does not know the access key (any more)",
    "InvalidToken": "the credentials are not valid",
    "RequestTimeTooSkewed": "the clock of this machine is not that of the store: set it, see "
    "`timedatectl`",
    "SignatureDoesNotMatch": "the secret key is not that of the access key",
}
_NO_SPACE = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"})
_LOCKED = frozenset({"ObjectLocked", "InvalidRetentionPeriod"})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})


@contextmanager
def told(*, writes: bool = False) -> Iterator[None]:
    """The errors of botocore, as ours. A write that got no clear answer may have happened."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _answered(error, writes=writes) from None
    except exceptions.ProxyConnectionError:
        raise NotReachable("no connection to the proxy that the environment names") from None
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError):
        raise NotReachable("no connection to the endpoint") from None
    except (exceptions.ResponseStreamingError, exceptions.IncompleteReadError):
        raise NotReachable("the answer ended early") from None
    except exceptions.HTTPClientError:
        raise _lost(writes) from None
    except exceptions.ParamValidationError:
        raise StoreError("a key or a version that S3 does not have") from None
    except exceptions.BotoCoreError:
        # It did not understand the answer; what was asked for may have been done.
        if writes:
            raise NoAnswer("the answer is none of an S3 server") from None
        raise Malformed("the answer is none of an S3 server") from None


def _answered(error: object, *, writes: bool) -> StoreError:
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return NotReachable("there is no such bucket")
    if code in _LOCKED:
        return Locked("the store keeps this version")
    if code in _CHANGED or status == 412:
        return Changed("the object is not the one that was read")
    if code in _ABSENT or status == 404:
        return Absent("there is no such object or version")
    if code in _ALL_DENIED:
        return AllDenied(_ALL_DENIED[code])
    if code == "AccessDenied" or status in (401, 403):
        return Denied(_NO_RIGHT)
    if code in _NO_SPACE or status == 507:
        return NoSpace("the store has no room")
    if status >= 500:
        return _lost(writes)
    return StoreError(f"the store refuses it with HTTP {status}")


def _lost(writes: bool) -> StoreError:
    if writes:
        return NoAnswer("no answer: it may have been done, or not")
    return NotReachable("no answer")
