"""What a job may seal anew: what named the key that is out before it wrote anything.

It is kept on disk before the first write, with the hash of each version. Whoever takes up a job
whose process was lost compares: as long as nothing names the key but what was kept, and that has
the root that people have signed, the work that is left is a part of the approved one.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.systems.stores.job_directory import JobDirectory
from remediations.systems.stores.job_steps import JobOrder
from remediations.systems.stores.scope import Scope, ScopeSummary, read_scope, scope_document
from remediations.systems.stores.store import Store
from remediations.systems.stores.survey import Seen, scope_of, survey

_SHOWN = 3


class JobFailed(Exception):
    """The job ends here. The message says why, and what is left."""


class JobStopped(JobFailed):
    """A person wanted it to end."""


def named_now(store: Store, order: JobOrder, directory: JobDirectory) -> Scope:
    """The versions that name the key that is out.

    Raises:
        StoreError: the store could not be gone through.
        JobStopped: a person wanted it to end.
    """

    def seen() -> Iterator[Seen]:
        for one in survey(store):
            if directory.is_to_stop:
                raise JobStopped("a person stopped it before it wrote anything")
            yield one

    return scope_of(seen(), {order.fingerprint})


def keep_or_compare(now: Scope, order: JobOrder, directory: JobDirectory) -> None:
    """Keep what is there before the first write; where that was done, find nothing else.

    Raises:
        JobFailed: something names the key that was not approved, or what was kept was not.
    """
    document = directory.scope
    if document is None:
        directory.keep_scope(scope_document(now))
        return
    kept = read_scope(document)
    if kept.summary != ScopeSummary(count=order.count, root=order.root):
        raise JobFailed(
            f"what it found before it wrote anything ({kept.summary.count:,} versions, root "
            f"{kept.summary.root[:12]}) is not what was approved ({order.count:,}, "
            f"{order.root[:12]}), so it is not taken up"
        )
    known = {(one.object.key, one.sha256) for one in kept.entries}
    odd = [one.object.key for one in now.entries if (one.object.key, one.sha256) not in known]
    if odd:
        names = ", ".join(odd[:_SHOWN])
        raise JobFailed(
            f"{len(odd):,} versions name the key that were not approved ({names}): somebody wrote "
            "with the old key since then; tell that writer"
        )
