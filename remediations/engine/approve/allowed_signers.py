"""Parses an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS) strictly. Pure.

ssh-keygen ignores a line that it does not understand. Here the whole list is refused then: the line
was meant for somebody, and it may be what limits a key. Bytes that are not printable ASCII are
refused everywhere, even in comments: a name with an invisible character looks like another
person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from remediations.engine.approve.sshsig import CERTIFICATE_FIELDS, parse_public_key

MOST_LINES = 10_000
LONGEST_LINE = 16_000
"""Bytes. An RSA key of 16,384 bits takes 2,800."""

EXACT_NAME = re.compile(r'[^\s*?!,"\x00-\x20\x7f-\U0010ffff]+')
"""The name of one person: printable ASCII without blanks; not a pattern, not a list."""

_ALIEN = re.compile(rb"[^\t\x20-\x7e]")
_OPTION = re.compile(
    r'(?:(?P<flag>cert-authority)|(?P<name>namespaces|valid-after|valid-before)="(?P<value>[^"\\]+)")'
    r"(?:,(?=[a-zA-Z])|$)",
    re.IGNORECASE,
)
_DATE = re.compile(r"[0-9]{8}(?:[0-9]{4}(?:[0-9]{2})?)?Z?", re.IGNORECASE)


class SignerLine(NamedTuple):
    """One line. `principals` may be a pattern; `namespaces` is "" if all are allowed; dates are as
    written, "" for none, and in UTC."""

    number: int
    principals: str
    authority: bool
    namespaces: str
    key: bytes
    valid_after: str = ""
    valid_before: str = ""

    @property
    def names_one(self) -> bool:
        """Whether its principal is the exact name of one person."""
        return EXACT_NAME.fullmatch(self.principals) is not None

    def allows(self, namespace: str) -> bool:
        """Whether signatures of that namespace count. Patterns match as in ssh_config(5): a negated
        one that matches overrides all others."""
        told = self.namespaces.split(",") if self.namespaces else ["*"]
        if any(fnmatchcase(namespace, one[1:]) for one in told if one.startswith("!")):
            return False
        return any(fnmatchcase(namespace, one) for one in told if not one.startswith("!"))

    def is_valid(self, at: datetime) -> bool:
        """Whether its dates include the time `at`."""
        begins, ends = _moment(self.valid_after), _moment(self.valid_before)
        return (begins is None or begins <= at) and (ends is None or at < ends)


class SignersError(ValueError):
    """The list cannot be used. `line` is the line that is wrong, 0 for the list as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def parse_signers(data: bytes) -> tuple[SignerLine, ...]:
    """The lines of a list that name signers.

    Raises:
        SignersError: a line is not understood or not plain text, or there are too many lines.
    """
    lines = tuple(_parsed(number, text) for number, text in plain_lines(data))
    _one_role_for_each_key(lines)
    return lines


def plain_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor a comment, with their numbers.

    Raises:
        SignersError: a byte is not printable ASCII, a line is too long, or there are too many
        lines.
    """
    lines = data.removesuffix(b"\n").split(b"\n")
    if len(lines) > MOST_LINES:
        raise SignersError(0, f"{len(lines)} lines; at most {MOST_LINES} are read")
    for number, raw in enumerate(lines, 1):
        line = raw.removesuffix(b"\r")
        if len(line) > LONGEST_LINE:
            raise SignersError(number, f"{len(line)} bytes; a line has at most {LONGEST_LINE}")
        alien = _ALIEN.search(line)
        if alien:
            where = f"byte {alien.start() + 1} is 0x{alien[0][0]:02x}"
            raise SignersError(number, f"{where}: only printable ASCII can be read without doubt")
        text = line.decode("ascii").strip(" \t")
        if text and not text.startswith("#"):
            yield number, text


def _parsed(number: int, text: str) -> SignerLine:
    principals, _, rest = text.replace("\t", " ").partition(" ")
    if '"' in principals:
        raise SignersError(number, "a quoted name: names have no blanks, and need no quotes")
    if "" in principals.split(","):
        # ssh-keygen lists the names before the empty one, but accepts those after it as well.
        raise SignersError(number, "an empty name in its list of names")
    rest = rest.lstrip(" ")
    options = ""
    key = parse_public_key(rest)
    if key is None:
        options, rest = _split_options(rest)
        key = parse_public_key(rest)
    if key is None:
        raise SignersError(number, "no public key in it")
    if key.kind.encode() in CERTIFICATE_FIELDS:
        raise SignersError(number, "a certificate: list the key of its authority instead")
    said = _options(number, options)
    return SignerLine(
        number=number,
        principals=principals,
        authority="cert-authority" in said,
        namespaces=said.get("namespaces", ""),
        key=key.blob,
        valid_after=said.get("valid-after", ""),
        valid_before=said.get("valid-before", ""),
    )


def _moment(date: str) -> datetime | None:
    """The time that a date of a line means; None for no date, and for one that does not exist."""
    digits = date.rstrip("zZ")
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(digits))
    try:
        return datetime.strptime(digits, form).replace(tzinfo=UTC) if form else None
    except ValueError:
        return None


def _split_options(text: str) -> tuple[str, str]:
    """The options, which may contain blanks within quotes, and the text after them."""
    quoted = False
    for at, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == " " and not quoted:
            return text[:at], text[at:].lstrip(" ")
    return text, ""


def _options(number: int, text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _OPTION.match(text, at)
        if found is None:
            raise SignersError(
                number, f"options that ssh-keygen(1) does not know: {text[at:][:60]}"
            )
        name = (found["flag"] or found["name"]).lower()
        if name in said:
            raise SignersError(number, f"{name} occurs twice")
        if name.startswith("valid-") and not _DATE.fullmatch(found["value"]):
            raise SignersError(number, f"{name} is not a date such as 20270101 or 202701011200Z")
        said[name] = found["value"] or ""
        at = found.end()
    return said


def _one_role_for_each_key(lines: tuple[SignerLine, ...]) -> None:
    """Refuse a key that is both a person's and an authority's: it could approve as two people, by
    itself and with a certificate that it issues to itself under another name."""
    people = {line.key: line.number for line in lines if not line.authority}
    for line in lines:
        if line.authority and line.key in people:
            raise SignersError(
                line.number,
                f"the authority's key is also a person's, on line {people[line.key]}: one holder, "
                "two approvals",
            )
