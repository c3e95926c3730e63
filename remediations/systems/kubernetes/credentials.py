"""The credentials of a cluster, read when they are first needed and again when they are refused.

A run lasts longer than a token. Where the API server answers 401, the kubeconfig, the files that it
names, its credential program or the pod's service account are read once more:

1. A call asks at most twice. Calls that are refused at the same time share one reading.
2. New credentials are used with the same server, authority and proxy only: which cluster that is
   was proven once, with those. Otherwise they are refused, and a new command proves it again.
3. Reading has a time limit: a credential program may hang.
4. Nothing of the credentials is told. Whether they are new is known by their hash; and what a
   server says back of a token leaves this process in no text (`values/known_secrets.py`).

The library is imported here, when a cluster is first asked: it takes a third of a second.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.render.printable import one_line
from remediations.systems.kubernetes.inventory import ClusterEntry
from remediations.values.known_secrets import remembered
from remediations.values.secret import Secret

Tree = dict[str, Any]
CONFIG_BYTES = MEGABYTE
READ_LIMIT_S = 15.0
"""Seconds for reading credentials again: a program of the kubeconfig may run."""
_SAID = 200
_TRUST = ("host", "ssl_ca_cert", "proxy", "tls_server_name")
_FILES = ("ssl_ca_cert", "cert_file", "key_file")


class CredentialsError(Exception):
    """They cannot be used; says why, and nothing of their content."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """The library's client with credentials that were read at one moment. `secret` is the hash of
    what proves who we are, `trust` of what proves whom we ask; `has_any` is whether there are
    credentials at all."""

    client: Any
    server: str
    secret: str
    trust: str
    has_any: bool


def read_session(entry: ClusterEntry) -> Session:
    """A client by the inventory's kubeconfig, or by the pod's service account. Asks nothing.

    Raises:
        CredentialsError: the kubeconfig cannot be used; says why.
    """
    import urllib3
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    _configure(entry, configuration)
    server = str(configuration.host)
    if not server.startswith("https://") or not configuration.verify_ssl:
        raise _unusable(entry, f"{server}: the certificate of the API server is not verified")
    configuration.retries = urllib3.Retry(total=0, redirect=0)
    configuration.connection_pool_maxsize = 8
    known = {name: _content(configuration, name) for name in _FILES}
    token = authorization(configuration)
    remembered(Secret(token.rpartition(" ")[2].encode(), "credentials of the cluster"))
    return Session(
        client=ApiClient(configuration),
        server=server,
        secret=_hash(token, known["cert_file"], known["key_file"]),
        trust=_hash(*(known.get(one, str(getattr(configuration, one, ""))) for one in _TRUST)),
        has_any=bool(token or known["cert_file"]),
    )


def authorization(configuration: Any) -> str:  # noqa: ANN401 - the library is untyped
    """What goes into the header of a request; "" for credentials that are a certificate."""
    token = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    basic = configuration.get_basic_auth_token() if configuration.username else ""
    return str(token or basic or "")


class Credentials:
    """Those in use. For several threads at the same time."""

    def __init__(self, entry: ClusterEntry, read: Callable[[ClusterEntry], Session]) -> None:
        """Read them.

        Raises:
            CredentialsError: they cannot be used.
        """
        self._entry, self._read = entry, read
        self._lock = threading.Lock()
        self._told, self._at = "", 0.0
        self.session = read(entry)

    def renew(self, refused: Session, began: float) -> str:
        """Read them again, for a call that began at that moment of the monotonic clock and was
        refused with those. "" if there are new ones, else why not."""
        with self._lock:
            if self.session is not refused:
                return ""
            if self._at <= began:
                self._told = self._renewed(refused)
                self._at = time.monotonic()
            return self._told

    def _renewed(self, refused: Session) -> str:
        found: list[Session] = []
        failed: list[str] = []

        def read() -> None:
            try:
                found.append(self._read(self._entry))
            except CredentialsError as error:
                failed.append(str(error))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(READ_LIMIT_S)
        if failed:
            return f"they were read again: {failed[0]}"
        if not found:
            return f"there were no others within {READ_LIMIT_S:.0f} s"
        (session,) = found
        if session.trust != refused.trust:
            return (
                f"they were read again, and lead to another server or authority ({session.server})"
            )
        if not session.has_any:
            return "they were read again, and there are none"
        if session.secret == refused.secret:
            return "they were read again, and are the same"
        self.session = session
        return ""


def _content(configuration: Any, name: str) -> str:  # noqa: ANN401
    """The hash of a file's content. One that cannot be read counts as its name."""
    file = getattr(configuration, name, None)
    if not file:
        return ""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return str(file)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _configure(entry: ClusterEntry, configuration: Any) -> None:  # noqa: ANN401
    """Load the credentials. What the library raises is told without quoting it: it may hold them.

    Raises:
        CredentialsError: they cannot be used.
    """
    from kubernetes.config import ConfigException, load_incluster_config
    from kubernetes.config.kube_config import KubeConfigLoader

    try:
        if entry.kubeconfig is None:
            load_incluster_config(client_configuration=configuration)
            return
        path = Path(entry.kubeconfig)
        loader = KubeConfigLoader(
            config_dict=_yaml(entry, read_trusted(path, limit=CONFIG_BYTES, follow=True).data),
            active_context=entry.context,
            config_base_path=str(path.parent),
        )
        loader.load_and_set(configuration)
    except RemediationError as error:
        raise _unusable(entry, f"{error.what}: {error.got}") from error
    except OSError as error:
        raise _unusable(entry, error.strerror or type(error).__name__) from error
    except ConfigException as error:
        said = str(error) if entry.kubeconfig is None else _missing_part(str(error))
        raise _unusable(entry, said) from None
    except CredentialsError:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises what it meets
        raise _unusable(entry, f"it has another form ({type(error).__name__})") from None


def _yaml(entry: ClusterEntry, data: bytes) -> Tree:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe", pure=True).load(data.decode())
    except (YAMLError, UnicodeDecodeError):
        raise _unusable(entry, "it is not YAML") from None
    if not isinstance(tree, dict):
        raise _unusable(entry, "it is not a mapping")
    return tree


def _missing_part(said: str) -> str:
    """What the library misses, without values."""
    return one_line(said.split("{", maxsplit=1)[0])[:_SAID]


def _unusable(entry: ClusterEntry, got: str) -> CredentialsError:
    where = entry.kubeconfig or "the service account of this pod"
    context = f", context {entry.context}" if entry.context else ""
    return CredentialsError(f"{where}{context} cannot be used: {got}")
