"""Seals anew what is sealed to a key that is out, in one store, object by object.

1. An object is read, opened with the old key, sealed to the new one under keys that are made for it
   alone, and written by compare-and-swap. Another writer who is first wins, and is looked at again.
2. It is read back and opened with the new key. Only where its content is the one from before, the
   former version is retired, by its id. So at each moment readers get one whole version, and
   whatever dies leaves the former one, the new one, or both.
3. A former version with the content of the live one is what such a death left: it is retired.
   Any other former version stays or goes as people decided (`FormerVersions`); none that cannot be
   opened is removed.
4. One bad object stops nothing and hides nothing: each ends as one `Outcome`. A store that says
   what is not so stops the job: nothing more is written to it.
5. The store is gone through again until nothing was changed and nobody else was met. So the last
   round is a scope computed anew.

What lies in memory is the names of the objects, and one object at a time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from remediations.systems.stores.envelope import Envelope, canonical, fingerprint, parse
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.reencrypt_section import Several
from remediations.systems.stores.scope import ObjectVersion, ScopeEntry
from remediations.systems.stores.sealing import (
    NotOpened,
    PrivateKey,
    SealError,
    open_envelope,
    seal,
    seal_for_several,
    tag_of,
)
from remediations.systems.stores.store import (
    Absent,
    AllDenied,
    Changed,
    Denied,
    LiveVersion,
    Locked,
    NoAnswer,
    NoSpace,
    NotReachable,
    Store,
    Stored,
    StoreError,
)
from remediations.values.secret import Secret

_WRITES = 3


class StoreLies(Exception):
    """The store said that something was done, and it was not. Nothing more is written to it."""


class Ended(NamedTuple):
    """How it ended with one version. `tag` is of its content (`JobObject.content`), "" where it was
    not opened. `version` is the new one, of `written` bytes; `names_key` is whether the former one
    is there still, and `is_former` whether that is one which readers do not get."""

    object: ObjectVersion
    outcome: Outcome
    reason: str = ""
    tag: str = ""
    version: str = ""
    names_key: bool = False
    is_former: bool = False
    written: int = 0


class Row(NamedTuple):
    """A version of a listing."""

    key: str
    version: str
    is_live: bool


@dataclass(frozen=True, kw_only=True)
class Resealing:
    """One store, the key that is out, the one in its place, and what people decided."""

    store: Store
    old: PrivateKey
    new: PrivateKey
    former: FormerVersions
    several: Several
    found: list[ScopeEntry] = field(default_factory=list)
    """Envelopes that name the new key and were seen since this was emptied."""
    unconfirmed: dict[str, Ended] = field(default_factory=dict)
    """By key, what was written without an answer, and has to be found again before it counts."""

    def rows(self) -> list[Row]:
        """All versions that have bytes, each once: what readers get first, former ones after it.

        Raises:
            StoreError: the listing failed.
        """
        every = (
            Row(one.key, one.version, one.is_live)
            for one in self.store.versions()
            if not one.is_marker
        )
        return sorted(dict.fromkeys(every), key=lambda row: not row.is_live)

    def one(self, row: Row) -> Ended:
        """What is to be done with a version, done.

        Raises:
            StoreLies: what was written is not there.
            NotReachable: there is no connection any more; NoAnswer: nor an answer. The same row can
                be tried again.
            AllDenied, NoSpace: no other row would fare better.
        """
        named = ObjectVersion(store=self.store.name, key=row.key, version=row.version)
        try:
            return self._live(named) if row.is_live else self._former(named)
        except Absent:
            return Ended(named, Outcome.ALREADY, "it is gone")
        except (Changed, LiveVersion):
            self.unconfirmed.pop(row.key, None)
            return Ended(named, Outcome.SKIPPED_CONCURRENT, "another writer was first")
        except (NotReachable, NoAnswer, AllDenied, NoSpace):
            raise
        except (Locked, Denied) as error:
            former = not row.is_live
            return Ended(named, Outcome.LOCKED, str(error), names_key=True, is_former=former)
        except StoreError as error:
            return Ended(named, Outcome.DAMAGED, f"it cannot be read: {error}")

    def _live(self, named: ObjectVersion) -> Ended:
        stored = self.store.live(named.key)
        envelope = parse(stored.data)
        if not isinstance(envelope, Envelope):
            return Ended(named, envelope.outcome, envelope.reason)
        if self.old.fingerprint not in envelope.recipients:
            self._note(named, stored, envelope)
            return self._found_again(stored, envelope) or Ended(named, Outcome.ALREADY)
        former = ObjectVersion(store=named.store, key=named.key, version=stored.version)
        ended = Ended(former, Outcome.LOCKED, names_key=True)
        opened = open_envelope(envelope, self.old)
        if isinstance(opened, NotOpened):
            return ended._replace(outcome=opened.outcome, reason=opened.reason)
        ended = ended._replace(tag=tag_of(opened.content, self.new))
        try:
            data = canonical(self.sealed(envelope, opened.content))
        except SealError as error:
            return ended._replace(reason=str(error))
        ended = ended._replace(written=len(data))
        self.unconfirmed[named.key] = ended
        version = self._written(stored, data, opened.content)
        return self._retired(ended._replace(version=version))

    def _found_again(self, stored: Stored, envelope: Envelope) -> Ended | None:
        """What was written without an answer, if it is what is live now, with its content."""
        ended = self.unconfirmed.get(stored.key)
        if ended is None:
            return None
        opened = open_envelope(envelope, self.new)
        if isinstance(opened, NotOpened) or tag_of(opened.content, self.new) != ended.tag:
            return None
        return self._retired(ended._replace(version=stored.version))

    def _retired(self, ended: Ended) -> Ended:
        """The end of a version that was sealed anew, after it was retired."""
        key, former = ended.object.key, ended.object.version
        if ended.version != former:  # a store without versions has one name for all of them
            try:
                self.store.retire(key, former)
            except Locked as error:
                return ended._replace(reason=str(error), is_former=True)
        self.unconfirmed.pop(key, None)
        return ended._replace(outcome=Outcome.DONE, names_key=False)

    def sealed(self, envelope: Envelope, content: Secret) -> Envelope:
        """For whom it was, with the new key in the place of the old.

        Raises:
            SealError: it was for several, which nobody has decided; or their keys are not known.
        """
        others = [one for one in set(envelope.recipients) if one != self.old.fingerprint]
        others = [one for one in others if one != self.new.fingerprint]
        if not others:
            return seal(content, self.new.public, envelope.metadata)
        if self.several is Several.REFUSE:
            raise SealError("it is for several, and the inventory does not say `several: data-key`")
        known = {fingerprint(key): key for key in envelope.recipient_public_keys}
        if not set(others) <= known.keys():
            raise SealError("it is for several, and does not have the public keys of all of them")
        keys = [self.new.public, *(known[one] for one in sorted(others))]
        return seal_for_several(content, keys, envelope.metadata)

    def _written(self, stored: Stored, data: bytes, content: Secret) -> str:
        """Write it where `stored` is live, and read it back; the id of the new version.

        Raises:
            Changed: another writer was first, or came after us.
            NoAnswer: whether it was written is not known, and the store does not tell.
            StoreLies: it says that it was, and it was not.
        """
        for _ in range(_WRITES):
            version = ""
            with suppress(NoAnswer):  # the live version tells
                version = self.store.replace(stored, data)
            back = self.store.live(stored.key)
            if back.token == stored.token:
                if version:
                    raise StoreLies("a write was confirmed, and the former version is live")
                continue
            if self._is_ours(back, content):
                return back.version
            if version and back.version == version:
                raise StoreLies("what was written reads back as something else")
            raise Changed("another writer came after us")
        raise NoAnswer("no write was confirmed")

    def _is_ours(self, back: Stored, content: Secret) -> bool:
        """Whether it is sealed to the new key, not to the old, and has that content."""
        envelope = parse(back.data)
        if not isinstance(envelope, Envelope) or self.old.fingerprint in envelope.recipients:
            return False
        opened = open_envelope(envelope, self.new)
        return not isinstance(opened, NotOpened) and opened.content == content

    def _former(self, named: ObjectVersion) -> Ended:
        stored = self.store.read(named.key, named.version)
        envelope = parse(stored.data)
        if not isinstance(envelope, Envelope):
            return Ended(named, envelope.outcome, envelope.reason)
        if self.old.fingerprint not in envelope.recipients:
            self._note(named, stored, envelope)
            return Ended(named, Outcome.ALREADY)
        ended = Ended(named, Outcome.LOCKED, names_key=True, is_former=True)
        opened = open_envelope(envelope, self.old)
        if isinstance(opened, NotOpened):
            return ended._replace(outcome=opened.outcome, reason=opened.reason)
        ended = ended._replace(tag=tag_of(opened.content, self.new))
        try:
            is_kept = self._is_ours(self.store.live(named.key), opened.content)
        except Absent:
            is_kept = False
        if not is_kept and self.former is not FormerVersions.RETIRE:
            reason = "a former version, whose content no live one has (former_versions)"
            return ended._replace(reason=reason)
        self.store.retire(named.key, named.version)
        reason = "its content is the live version's" if is_kept else "a former version, removed"
        return ended._replace(outcome=Outcome.DONE, reason=reason, names_key=False)

    def _note(self, named: ObjectVersion, stored: Stored, envelope: Envelope) -> None:
        if self.new.fingerprint in envelope.recipients:
            version = ObjectVersion(store=named.store, key=named.key, version=stored.version)
            self.found.append(ScopeEntry(object=version, sha256=stored.sha256))
