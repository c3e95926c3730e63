"""One bounded HTTP request (`reach/http_exchange.py`) with the bearer token of its file: the token
goes to the host that the inventory names, and to no other."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

from remediations.errors import RemediationError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.reach.http_exchange import Answer, ExchangeFailed, Limits
from remediations.reach.http_exchange import exchange as exchange_once
from remediations.values.known_secrets import remembered
from remediations.values.reading import Why
from remediations.values.secret import Secret

ANSWER_BYTES = 256 * 1024
_TOKEN_BYTES = 4096
_OTHERS = 0o077
_JSON = "application/json"


def read_token(path: str) -> Secret:
    """The one line of a file that nobody else reads.

    Raises:
        ExchangeFailed: there is no such file, others can read it, or it is not one word of ASCII.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_IMODE(mode) & _OTHERS:
            raise ExchangeFailed(f"{path} can be read by others: chmod 600", why=Why.REFUSED)
        data = read_trusted(Path(path), limit=_TOKEN_BYTES).data
    except OSError as error:
        raise ExchangeFailed(f"{path}: {error.strerror}", why=Why.ABSENT) from None
    except RemediationError as error:
        raise ExchangeFailed(f"{error.what}: {error.got}", why=Why.REFUSED) from None
    value = data.removesuffix(b"\n")
    # http.client quotes a header that it refuses, so a token never gets there that it would refuse.
    if not value or not all(0x21 <= byte <= 0x7E for byte in value):
        said = f"{path} is not one line of visible ASCII without blanks"
        raise ExchangeFailed(said, why=Why.MALFORMED)
    return remembered(Secret(value, path))


def exchange(
    method: str, url: str, body: str, *, token: Secret | None, ca_file: str | None, within_s: float
) -> Answer:
    """Send a request once, and read what comes back; `body` is JSON, "" for none.

    Raises:
        ExchangeFailed: nothing came back in time, or too much.
    """
    headers = {"Accept": _JSON}
    if body:
        headers["Content-Type"] = _JSON
    if token is not None:
        headers["Authorization"] = f"Bearer {token.reveal().decode()}"
    return exchange_once(
        url,
        Limits(within_s, ANSWER_BYTES),
        verb=method,
        headers=headers,
        body=body.encode() if body else None,
        tls=_certificates(ca_file) if urlsplit(url).scheme == "https" else None,
    )


def _certificates(ca_file: str | None) -> ssl.SSLContext:
    """Those of the file; of the system where there is none.

    Raises:
        ExchangeFailed: it cannot be read, others could have written it, or it has none.
    """
    try:
        pem = None if ca_file is None else read_trusted(Path(ca_file), limit=MEGABYTE).data
        return ssl.create_default_context(cadata=pem and pem.decode("ascii", "replace"))
    except RemediationError as error:
        raise ExchangeFailed(f"{error.what}: {error.got}", why=Why.REFUSED) from None
    except OSError as error:  # an error of TLS is one, too
        said = "no certificate is in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise ExchangeFailed(f"{ca_file}: {said}", why=Why.REFUSED) from None
