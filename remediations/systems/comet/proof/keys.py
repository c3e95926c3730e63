"""Consensus keys: addresses, and whether one made a signature. Only ed25519 can be verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from remediations.systems.comet.proof.protobuf import Malformed, base64_bytes, bytes_field
from remediations.systems.comet.values import Validator

ED25519 = "tendermint/PubKeyEd25519"
SECP256K1 = "tendermint/PubKeySecp256k1"
_ED25519_BYTES = 32
_SECP256K1_BYTES = 33
_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class PublicKey:
    """The key of a validator: its type as CometBFT names it, and its bytes."""

    type: str
    content: bytes

    @property
    def address(self) -> str:
        """The consensus address that belongs to the key, upper-case hex.

        Raises:
            Malformed: keys of this type are not known here.
        """
        if self.type != ED25519:
            raise Malformed("addresses of this key type are not known")
        return hashlib.sha256(self.content).digest()[:20].hex().upper()

    @property
    def can_verify(self) -> bool:
        """Whether signatures of this type can be verified."""
        return self.type == ED25519

    def encoded(self) -> bytes:
        """As the validator set is hashed over.

        Raises:
            Malformed: keys of this type are not known here.
        """
        field = {ED25519: 1, SECP256K1: 2}.get(self.type)
        if field is None:
            raise Malformed("the encoding of this key type is not known")
        return bytes_field(field, self.content)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made that signature over the message; False if it cannot be told."""
        if not self.can_verify or len(signature) != _SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.content).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def key_of(validator: Validator) -> PublicKey:
    """The key that a node shows for a validator.

    Raises:
        Malformed: it shows none, or not one of its type's length.
    """
    content = base64_bytes(validator.pub_key)
    length = {ED25519: _ED25519_BYTES, SECP256K1: _SECP256K1_BYTES}.get(validator.key_type)
    if length is not None and len(content) != length:
        raise Malformed("a public key does not have the length of its type")
    return PublicKey(validator.key_type, content)
