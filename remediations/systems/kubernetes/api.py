"""One bounded request at a time to an API server, through the client library's credentials.

The rules:

1. Nothing is repeated here: the library's own retries are off, since a time limit of 40 seconds
   would last 160. Whoever repeats knows why.
2. Every call has a time limit as a whole, and a limit in bytes.
3. Every failure is an `ApiError` that names verb and resource, and says whether the request may
   have had an effect (`sent`): a write that was not answered may be applied later.
4. A refusal with 401 has the credentials read again (`credentials.py`): a run lasts longer than a
   token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from remediations.files.trusted import MEGABYTE
from remediations.render.printable import one_line
from remediations.systems.kubernetes.credentials import (
    Credentials,
    CredentialsError,
    Session,
    authorization,
    read_session,
)
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.values.reading import Why

T = TypeVar("T")
Tree = dict[str, Any]
CALL_LIMIT_S = 10.0
CONNECT_LIMIT_S = 4.0
ANSWER_BYTES = 16 * MEGABYTE
CHUNK = 65536
REFUSED_CREDENTIALS = 401
SAID = 200
MERGE_PATCH = "application/strategic-merge-patch+json"
MANAGER = "remediate"
"""The field manager of all writes."""

_WHY = {401: Why.DENIED, 403: Why.DENIED, 404: Why.ABSENT}
_WORDS = {
    401: "the token or certificate is not accepted (expired, revoked, or of another cluster)",
    403: "the role does not allow it",
    404: "it does not exist",
    409: "somebody else has changed it meanwhile",
    422: "a condition of the patch does not hold, or the API server refuses its form",
    429: "the API server, or a disruption budget, asks to wait",
}


class ApiError(Exception):
    """A request that failed. `status` is that of HTTP, 0 where there was no answer; `sent` is
    whether it may have had an effect nevertheless; `cause` is what the API server calls it."""

    def __init__(
        self, what: str, *, why: Why, status: int = 0, sent: bool = False, cause: str = ""
    ) -> None:
        super().__init__(what)
        self.why = why
        self.status = status
        self.sent = sent
        self.cause = cause


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request. `resource` is what people call it: `deployments/scorer in scoring`. Of a body
    nothing is made anew where it is bytes; else it is JSON."""

    method: str
    path: str
    verb: str
    resource: str
    query: Mapping[str, str] | None = None
    body: Any = None
    content_type: str = "application/json"

    @property
    def told(self) -> str:
        """Verb and resource, for messages."""
        return f"{self.verb} {self.resource}"

    @property
    def writes(self) -> bool:
        """Whether it can change something."""
        return self.method != "GET" and (self.query or {}).get("dryRun") != "All"


class KubernetesApi:
    """One cluster. Not for several threads at the same time, except for `ask`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.server = credentials.session.server

    @classmethod
    def connect(cls, entry: ClusterEntry) -> KubernetesApi:
        """A client by the inventory's kubeconfig, or by the pod's service account. Asks nothing.

        Raises:
            ApiError: the kubeconfig cannot be used; says why.
        """
        try:
            return cls(Credentials(entry, read_session))
        except CredentialsError as error:
            raise ApiError(str(error), why=Why.REFUSED) from error

    def ask(self, request: Request, limit_s: float = CALL_LIMIT_S) -> Tree:
        """The answer as a JSON object.

        Raises:
            ApiError: there is none, it is an error, or it is something else.
        """
        return self._renewed(lambda session: self._asked(session, request, limit_s))

    def ask_pod(self, request: Request, limit_s: float, most_bytes: int) -> tuple[int, bytes]:
        """What a pod answered, through the API server (`pods/proxy`): status and body, whatever
        they are. It is the pod's word; nothing that it says has the credentials read again.

        Raises:
            ApiError: there is none, or the API server itself refused, or did not reach the pod.
        """
        return self._renewed(lambda session: self._through(session, request, limit_s, most_bytes))

    def _through(
        self, session: Session, request: Request, limit_s: float, most_bytes: int
    ) -> tuple[int, bytes]:
        status, data = self._exchange(session, request, limit_s, most_bytes)
        tree = _tree(data) if status >= 300 else None
        if tree is not None and tree.get("kind") == "Status" and tree.get("apiVersion") == "v1":
            raise _refusal(request, status, tree)
        return status, data

    def _renewed(self, ask: Callable[[Session], T]) -> T:
        """Ask; a refusal with 401 is before any effect: the credentials are read again, and new
        ones are tried once."""
        began, session = time.monotonic(), self._credentials.session
        try:
            return ask(session)
        except ApiError as error:
            if error.status != REFUSED_CREDENTIALS:
                raise
            why_not = self._credentials.renew(session, began)
            if why_not:
                raise _refused_still(error, why_not) from error
        try:
            return ask(self._credentials.session)
        except ApiError as error:
            if error.status != REFUSED_CREDENTIALS:
                raise
            raise _refused_still(error, "they were read again, and so are the new ones") from error

    def _asked(self, session: Session, request: Request, limit_s: float) -> Tree:
        status, data = self._exchange(session, request, limit_s, ANSWER_BYTES)
        tree = _tree(data)
        if status == REFUSED_CREDENTIALS:  # some servers say so without JSON
            tree = tree or {}
        if tree is None:
            kind = "HTML" if data.lstrip()[:1] == b"<" else "no JSON object"
            raise ApiError(
                f"{request.told}: {self.server} answered {status} with {kind}: not an API server",
                why=Why.MALFORMED,
                sent=request.writes,
            )
        if status >= 300:
            raise _refusal(request, status, tree)
        return tree

    def _exchange(
        self, session: Session, request: Request, limit_s: float, most_bytes: int
    ) -> tuple[int, bytes]:
        import urllib3

        end = time.monotonic() + limit_s
        query = f"?{urlencode(request.query)}" if request.query else ""
        body = request.body
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            answer = session.client.rest_client.pool_manager.request(
                request.method,
                f"{self.server}{request.path}{query}",
                body=body,
                headers=_headers(session, request, body is not None),
                timeout=urllib3.Timeout(connect=CONNECT_LIMIT_S, read=limit_s),
                preload_content=False,
                redirect=False,
            )
            data = bytearray()
            try:
                while chunk := answer.read(CHUNK, decode_content=True):
                    data += chunk
                    if len(data) > most_bytes:
                        raise ApiError(
                            f"{request.told}: the answer has more than {most_bytes} bytes",
                            why=Why.TOO_LARGE,
                            sent=request.writes,
                        )
                    if time.monotonic() > end:
                        raise _silent(request, self.server, limit_s)
            finally:
                answer.close() if time.monotonic() > end else answer.release_conn()
            return int(answer.status), bytes(data)
        except urllib3.exceptions.HTTPError as error:
            raise _lost(request, self.server, error, limit_s) from error


def _headers(session: Session, request: Request, has_body: bool) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": MANAGER}
    if has_body:
        headers["Content-Type"] = request.content_type
    if token := authorization(session.client.configuration):
        headers["Authorization"] = token
    return headers


def _refused_still(error: ApiError, more: str) -> ApiError:
    return ApiError(f"{error}; {more}", why=error.why, status=error.status, cause=error.cause)


def _tree(data: bytes) -> Tree | None:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _refusal(request: Request, status: int, tree: Tree) -> ApiError:
    said = one_line(str(tree.get("message", "")))[:SAID]
    details = tree.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    first = causes[0] if isinstance(causes, list) and causes else {}
    cause = str(first.get("reason", "")) if isinstance(first, dict) else ""
    more = one_line(str(first.get("message", "")))[:SAID] if cause == "DisruptionBudget" else ""
    words = _WORDS.get(status, "the API server failed" if status >= 500 else "it was refused")
    return ApiError(
        f"{request.told}: {status}, {words}: {said} {more}".rstrip(),
        why=_WHY.get(status, Why.FAILED),
        status=status,
        sent=request.writes and status >= 500,
        cause=cause or str(tree.get("reason", "")),
    )


def _silent(request: Request, server: str, limit_s: float) -> ApiError:
    return ApiError(
        f"{request.told}: {server} did not answer within {limit_s:.0f} s",
        why=Why.TIME_LIMIT,
        sent=request.writes,
    )


def _lost(request: Request, server: str, error: Exception, limit_s: float) -> ApiError:
    """What a failure of the connection is: refused, silent, or broken off."""
    from urllib3 import exceptions

    cause = getattr(error, "reason", None) or error
    if isinstance(cause, exceptions.NewConnectionError | exceptions.NameResolutionError):
        return ApiError(f"{request.told}: {server} refuses connections", why=Why.NOT_LISTENING)
    if isinstance(cause, exceptions.ConnectTimeoutError):
        return ApiError(f"{request.told}: {server} cannot be reached", why=Why.UNREACHABLE)
    if isinstance(cause, exceptions.ReadTimeoutError):
        return _silent(request, server, limit_s)
    if isinstance(cause, exceptions.SSLError):
        said = one_line(str(cause))[:SAID]
        return ApiError(f"{request.told}: {server}: TLS failed: {said}", why=Why.REFUSED)
    return ApiError(
        f"{request.told}: the connection to {server} was lost ({type(cause).__name__})",
        why=Why.UNREACHABLE,
        sent=request.writes,
    )


def get(path: str, resource: str, *, verb: str = "get", **query: str) -> Request:
    """A request that reads."""
    return Request(method="GET", path=path, verb=verb, resource=resource, query=query or None)


def write_patch(path: str, resource: str, tree: Tree, *, dry_run: bool = False) -> Request:
    """A strategic merge patch by our field manager; unknown fields are refused, not dropped."""
    query = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
    return Request(
        method="PATCH",
        path=path,
        verb="patch",
        resource=resource,
        query={**query, "dryRun": "All"} if dry_run else query,
        body=tree,
        content_type=MERGE_PATCH,
    )


def namespaced(group: str, namespace: str, plural: str, name: str = "") -> str:
    """The path of a resource: `group` is `v1`, or `apps/v1`."""
    root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
    end = f"/{quote(name, safe='')}" if name else ""
    return f"{root}/namespaces/{quote(namespace, safe='')}/{plural}{end}"


def cluster_wide(group: str, plural: str, name: str = "") -> str:
    """The path of a resource without a namespace: of one that has none, or of all namespaces."""
    root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
    return f"{root}/{plural}{f'/{quote(name, safe=str())}' if name else ''}"
