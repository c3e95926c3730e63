"""The system `keyfile`: readers of envelopes, as a fragment of what every host runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType

from remediations.engine.system import HostSystem
from remediations.systems.hosts.program import shell_text
from remediations.systems.keyfile.inventory import KEY_FILE_SECTION, reader_of
from remediations.systems.keyfile.parse import SECTIONS, read_reader, unread_reader
from remediations.systems.keyfile.reading import KeyFilesReading, ReaderReading
from remediations.values.inventory import HostEntry, Inventory

FRAGMENT = shell_text("key_file.sh") + (
    files("remediations.systems.keyfile").joinpath("keyfile.sh").read_text()
)


def _settings(entry: HostEntry) -> Mapping[str, str]:
    reader = reader_of(entry)
    return {
        "remediate_keyfile_file": reader.file,
        "remediate_keyfile_form": reader.form.value,
        "remediate_keyfile_unit": reader.unit,
        "remediate_keyfile_ready": reader.ready,
    }


def _whole(_: Inventory, hosts: Sequence[ReaderReading]) -> KeyFilesReading:
    return KeyFilesReading(hosts=tuple(hosts))


KEYFILE = HostSystem(
    name="keyfile",
    kind=KeyFilesReading,
    inventory_section=KEY_FILE_SECTION,
    fragment=FRAGMENT,
    sections=MappingProxyType(SECTIONS),
    settings=_settings,
    read=read_reader,
    unread=unread_reader,
    whole=_whole,
)
