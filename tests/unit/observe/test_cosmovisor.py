"""What a host tells of cosmovisor, read by the program that observes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec import UNSET

from remediations.systems.comet.cosmovisor import Cosmovisor, Upgrade, parse_cosmovisor
from remediations.values.lines import TextError
from remediations.values.reading import Known, Unknown
from tests.unit.observe.fake_host import Host, observe

INFO = '{"name":"V2","time":"0001-01-01T00:00:00Z","height":21,"info":"{\\"name\\":\\"x\\"}"}'


class BelowHost(Host):
    """A host whose unit starts cosmovisor; the settings are in a file of the unit."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, 1)
        self.below = self.home / "cosmovisor"
        wrapper = self.program.with_name("cosmovisor")
        self.program.rename(wrapper)
        self.program = wrapper
        self.put("genesis", b"one")
        self.current = self.below / "current"
        self.current.symlink_to(self.below / "genesis")
        self.environment = root / "environment"
        self.settings(DAEMON_HOME=str(self.home), DAEMON_NAME="virtengined", PASSWORD="hunter2")
        self.shown = f"EnvironmentFiles={self.environment} (ignore_errors=no)\n"

    def settings(self, **settings: str) -> None:
        lines = (f"{name}='{value}'\n" for name, value in settings.items())
        self.environment.write_text("".join(lines))

    def put(self, where: str, content: bytes) -> None:
        file = self.below / where / "bin/virtengined"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)

    def told(self) -> Cosmovisor:
        reading = observe(self).cosmovisor
        assert isinstance(reading, Known), reading
        return reading.value


@pytest.fixture
def host(tmp_path: Path) -> BelowHost:
    return BelowHost(tmp_path)


def sha256(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def test_settings_and_link(host: BelowHost) -> None:
    """Nothing is asked for, and nothing of the environment beside the settings is told."""
    reading = observe(host)
    assert "hunter2" not in repr(reading)
    told = host.told()
    assert (told.home, told.name) == (str(host.home), "virtengined")
    assert (told.recase, told.backup, told.config_file) == (True, True, False)
    assert (told.link, told.leads) == (f"{host.below}/genesis",) * 2
    assert (told.selected, told.asked, told.place_sha256, told.placed) == (None, None, "", ())
    assert told.pending == ""


def test_an_upgrade_that_waits(host: BelowHost) -> None:
    """Its name, its height and its hash; the directory in lower case has a program."""
    host.home.joinpath("data/upgrade-info.json").write_text(INFO)
    host.put("upgrades/v2", b"two")
    host.put("upgrades/v1", b"old")
    told = host.told()
    assert told.asked == Upgrade(name="V2", height=21, sha256=sha256(INFO))
    assert (told.pending, told.place_sha256) == ("V2", sha256(b"two"))
    assert told.placed == ("v1", "v2")
    assert told.program_of("V2") == f"{host.below}/upgrades/v2/bin/virtengined"


def test_names_as_they_are(host: BelowHost) -> None:
    """With COSMOVISOR_DISABLE_RECASE; and no copy of the data."""
    host.settings(
        DAEMON_HOME=str(host.home),
        DAEMON_NAME="virtengined",
        COSMOVISOR_DISABLE_RECASE="TRUE",
        UNSAFE_SKIP_BACKUP="true",
    )
    host.home.joinpath("data/upgrade-info.json").write_text(INFO)
    host.put("upgrades/v2", b"two")
    told = host.told()
    assert (told.recase, told.backup, told.place_sha256) == (False, False, "")
    assert told.directory_of("V2") == f"{host.below}/upgrades/V2"


def test_an_upgrade_that_was_done(host: BelowHost) -> None:
    """The directory of the link has the name; or it is that of the name."""
    host.home.joinpath("data/upgrade-info.json").write_text(INFO)
    host.put("upgrades/v2", b"two")
    host.current.unlink()
    host.current.symlink_to(host.below / "upgrades/v2")
    assert host.told().pending == ""
    host.below.joinpath("upgrades/v2/upgrade-info.json").write_text(INFO)
    told = host.told()
    assert (told.pending, told.selected) == ("", told.asked)


def test_a_link_that_leads_nowhere(host: BelowHost) -> None:
    """Told as it is; the program is not known then."""
    host.current.unlink()
    host.current.symlink_to("upgrades/gone")
    assert (host.told().link, host.told().leads) == ("upgrades/gone", "")


def test_of_several_files_the_one_of_its_name_is_the_program(host: BelowHost) -> None:
    """A library may lie beside it."""
    host.below.joinpath("genesis/bin/libwasmvm.so").write_bytes(b"library")
    binary = observe(host).binary
    assert isinstance(binary, Known)
    assert (binary.value.path, binary.value.sha256) == (
        f"{host.below}/genesis/bin/virtengined",
        sha256(b"one"),
    )


@pytest.mark.parametrize("text", ["", "{}", "x" * 70_000, '{"height":21,"name":"v2"}'])
def test_an_upgrade_info_of_another_form_is_unknown(host: BelowHost, text: str) -> None:
    """Never a default: what cosmovisor does with it is not known."""
    host.home.joinpath("data/upgrade-info.json").write_text(text)
    assert isinstance(observe(host).cosmovisor, Unknown)


def test_where_it_is_not_used_it_is_not_asked_for(tmp_path: Path) -> None:
    """Observations of other hosts stay as they were."""
    assert observe(Host(tmp_path, 1)).cosmovisor is UNSET


@pytest.mark.parametrize(
    "text",
    [
        "recase_off=no\nbackup_off=no\n",
        "recase_off=no\nbackup_off=maybe\nconfig_file=no\n",
        "recase_off=no\nbackup_off=no\nconfig_file=no\nplace_sha256=x\n",
        "recase_off=no\nbackup_off=no\nconfig_file=no\nasked_name=v2\nasked_sha256=x\n",
    ],
)
def test_a_malformed_section_is_refused(text: str) -> None:
    """Whoever wrote it."""
    with pytest.raises(TextError):
        parse_cosmovisor(text)
