"""The validator set that a node shows, held against the hash of it that a header names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from remediations.systems.comet.proof.hashes import validators_hash
from remediations.systems.comet.proof.keys import PublicKey, key_of
from remediations.systems.comet.proof.protobuf import Malformed
from remediations.systems.comet.values import Validator, ValidatorSet


@dataclass(frozen=True)
class Member:
    """One validator with its key."""

    address: str
    key: PublicKey
    power: int


@dataclass(frozen=True)
class Members:
    """A set whose keys are known; `hash` is that of all keys and powers in their order.

    `foreign` are the places of the members whose address is not that of their key.
    """

    height: int
    hash: str
    members: tuple[Member, ...]
    foreign: tuple[int, ...]

    @cached_property
    def total(self) -> int:
        """The sum of voting power."""
        return sum(member.power for member in self.members)

    @property
    def not_verified(self) -> tuple[str, ...]:
        """The key types whose signatures cannot be verified here."""
        return tuple(sorted({m.key.type for m in self.members if not m.key.can_verify}))


def read_members(shown: ValidatorSet) -> Members:
    """The set that a node shows.

    Raises:
        Malformed: a key is missing, or a key or a power does not have its form.
    """
    if not all(validator.pub_key for validator in shown.validators):
        raise Malformed("the validator set was read without its keys")
    if any(validator.power < 0 for validator in shown.validators):
        raise Malformed("a voting power is negative")
    members = tuple(map(_member, range(len(shown.validators)), shown.validators))
    return Members(
        height=shown.height,
        hash=validators_hash([(member.key, member.power) for member in members]),
        members=members,
        foreign=tuple(
            index
            for index, member in enumerate(members)
            if member.key.can_verify and member.key.address != member.address
        ),
    )


def _member(index: int, validator: Validator) -> Member:
    try:
        key = key_of(validator)
    except Malformed as error:
        raise Malformed(f"validators[{index}].pub_key: {error}") from error
    return Member(address=validator.address, key=key, power=validator.power)
