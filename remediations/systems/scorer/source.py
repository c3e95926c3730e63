"""The model as it lies on this machine: a directory that the inventory names, beside the pin.

scoring:
  model: 1f3c…                       # the pin
  model_directory: models/trust_score

Its hash is computed by the loader's own rule, whenever the inventory is read: the contents of all
files in the order of their paths, without export_metadata.json. `remediate stage` brings those
contents to the hosts as one file, which has the same hash. A directory that cannot be used is told
of and does not hinder a diagnosis: only a plan that needs it is refused.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from remediations.errors import UsageError
from remediations.render.printable import one_line
from remediations.systems.scorer.values import ModelFile, ModelOnDisk
from remediations.values.record import Record

if TYPE_CHECKING:
    from remediations.engine.observe.inventory_table import InventoryTable

KEY = "model_directory"
METADATA = "export_metadata.json"
"""It is written when a model is exported, and is no part of the model."""
_SAID = 200


class ModelSource(Record, frozen=True, kw_only=True):
    """The directory. `disk` is what lies there; None where it cannot be used, for the reason
    `trouble`."""

    directory: str
    disk: ModelOnDisk | None
    trouble: str = ""

    def has(self, model: str) -> bool:
        """Whether it is that model, by the loader's hash."""
        return self.disk is not None and self.disk.sha256 == model

    @property
    def command(self) -> str:
        """Brings it to the hosts."""
        return f"remediate stage {shlex.quote(self.directory)} --without {METADATA}"


def read_source(table: InventoryTable) -> ModelSource | UnsetType:
    """What lies in the directory that the inventory names.

    Raises:
        UsageError: it is no name, or there is no pin beside it.
    """
    directory = table.file(KEY)
    if directory is None:
        return UNSET
    if "model" not in table:
        raise table.wrong(KEY, "`model` beside it: the hash that it has to have")
    # Imported here: most inventories have none.
    from remediations.engine.stage.local_tree import open_tree

    try:
        with open_tree(Path(directory), frozenset({METADATA})) as tree:
            files = tuple(ModelFile(path=one.path, bytes=one.size) for one in tree.files)
            disk = ModelOnDisk(sha256=tree.sha256, files=files)
    except UsageError as error:
        return ModelSource(directory=directory, disk=None, trouble=one_line(error.got)[:_SAID])
    return ModelSource(directory=directory, disk=disk)
