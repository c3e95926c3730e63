"""A key that several people hold: so many of its members sign (`LegacyAminoPubKey`). Pure.

Its text is `2 of 02…,03…,02…`: the threshold, and the members' keys in the order in which the chain
has them, since each signature is told by its place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from remediations.values.protobuf import (
    ProtobufError,
    read_all,
    read_number,
    read_one,
    read_text,
    write_bytes,
    write_number,
    write_text,
)

SECP256K1 = "/cosmos.crypto.secp256k1.PubKey"
MULTISIG = "/cosmos.crypto.multisig.LegacyAminoPubKey"
MOST_MEMBERS = 20
_TEXT = re.compile("([0-9]{1,2}) of ((?:0[23][0-9a-f]{64},?){1,20})")
_AMINO_MULTISIG, _AMINO_SECP256K1 = bytes.fromhex("22c1f7e2"), bytes.fromhex("eb5ae987")
"""How amino begins these keys. An address is made from that form."""
_AMINO_JSON = 127


@dataclass(frozen=True)
class Multisig:
    """So many of these members; each is 33 bytes in hex."""

    threshold: int
    members: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Multisig | None:
        """The key from its text; None for the key of one."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        key = cls(int(found[1]), tuple(found[2].split(",")))
        return key if key.text == text and not key.flaw else None

    @property
    def text(self) -> str:
        """Its one text."""
        return f"{self.threshold} of {','.join(self.members)}"

    @property
    def flaw(self) -> str:
        """Why it is none; "" if it is one."""
        if not 1 <= self.threshold <= len(self.members) <= MOST_MEMBERS:
            return f"{self.threshold} of {len(self.members)} members"
        if len(set(self.members)) < len(self.members):
            return "a member twice"
        return ""

    @property
    def address(self) -> bytes:
        """What its account is called by."""
        members = b"".join(
            write_bytes(2, _AMINO_SECP256K1 + bytes([33]) + bytes.fromhex(one))
            for one in self.members
        )
        amino = _AMINO_MULTISIG + write_number(1, self.threshold) + members
        return sha256(amino).digest()[:20]

    def any_bytes(self) -> bytes:
        """The key with its name, as it stands in a transaction."""
        content = write_number(1, self.threshold)
        content += b"".join(write_bytes(2, key_bytes(one)) for one in self.members)
        return write_text(1, MULTISIG) + write_bytes(2, content)

    def mode_info(self, signers: Collection[int]) -> bytes:
        """Which members sign, by their places, each in amino's JSON."""
        count = len(self.members)
        bits = bytearray((count + 7) // 8)
        for place in signers:
            bits[place // 8] |= 0x80 >> place % 8
        array = write_number(1, count % 8) + write_bytes(2, bytes(bits))
        single = write_bytes(1, write_number(1, _AMINO_JSON))
        modes = b"".join(write_bytes(2, single) for _ in signers)
        return write_bytes(2, write_bytes(1, array) + modes)

    def signature(self, signatures: Mapping[int, bytes]) -> bytes:
        """Their signatures as one, in the order of their places."""
        ordered = (signatures[place] for place in sorted(signatures))
        return b"".join(write_bytes(1, one, always=True) for one in ordered)


def key_bytes(public_key: str) -> bytes:
    """The key of one with its name, as it stands in a transaction."""
    return write_text(1, SECP256K1) + write_bytes(2, write_bytes(1, bytes.fromhex(public_key)))


def read_key(boxed: bytes) -> str:
    """The text of a key that stands in a transaction or in an account.

    Raises:
        ProtobufError: it is of another kind.
    """
    kind, content = read_text(boxed, 1), read_one(boxed, 2)
    if kind == SECP256K1:
        return read_one(content, 1).hex()
    if kind != MULTISIG:
        raise ProtobufError("a key that is neither one of secp256k1 nor several of them")
    members = read_all(content, 2)
    if any(read_text(one, 1) != SECP256K1 for one in members):
        raise ProtobufError("a member whose key is not one of secp256k1")
    told = tuple(read_one(read_one(one, 2), 1).hex() for one in members)
    key = Multisig(read_number(content, 1), told)
    if Multisig.parse(key.text) is None:
        raise ProtobufError(f"no key of several: {key.flaw or 'its members are odd'}")
    return key.text


def places(array: bytes, count: int) -> tuple[int, ...]:
    """The places that are set in a compact array of bits of so many members.

    Raises:
        ProtobufError: it is of another size.
    """
    extra, elements = read_number(array, 1), read_one(array, 2)
    if (len(elements), extra) != ((count + 7) // 8, count % 8):
        raise ProtobufError(f"an array of bits that is not of {count} members")
    found = tuple(n for n in range(len(elements) * 8) if elements[n // 8] & (0x80 >> n % 8))
    if any(place >= count for place in found):
        raise ProtobufError(f"a signature of a member beyond the {count}")
    return found
