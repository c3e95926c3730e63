"""The program that sets settings, run for real under /bin/sh, on files in a home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.comet.programs import configure_text, restart_text, start_text
from tests.unit.operations.host import FakeHost

CONFIG = """# made by hand \xff
priv_validator_laddr = ""
# double_sign_check_height = 10
[p2p]
double_sign_check_height_of_somebody = 10
[consensus]
timeout = "1s"
  double_sign_check_height  =  10   # as the guide has it
[storage]
x = 10
"""
APP = """minimum-gas-prices = ""
halt-height = 120
halt-time = 0
[telemetry]
halt-height = 120
"""


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    host = FakeHost(tmp_path)
    config(host).write_bytes(CONFIG.encode("latin-1"))
    app(host).write_text(APP)
    return host


def config(host: FakeHost) -> Path:
    return host.home / "config/config.toml"


def app(host: FakeHost) -> Path:
    return host.home / "config/app.toml"


def planned(host: FakeHost, **changes: str | int) -> PlannedSettings:
    """All that forbids a start is set to 0."""
    known: dict[str, str | int] = {
        "unit": "ve.service",
        "home": str(host.home),
        "user": "ve",
        "double_sign_check_height": 10,
        "halt_height": 120,
        "halt_time": 0,
        "new_double_sign_check_height": 0,
        "new_halt_height": 0,
        "new_halt_time": 0,
    }
    return PlannedSettings.from_data({**known, **changes})


def back(host: FakeHost) -> PlannedSettings:
    """`double_sign_check_height` is put back."""
    return planned(host, double_sign_check_height=0, new_double_sign_check_height=10, halt_height=0)


def test_only_the_value_changes(host: FakeHost) -> None:
    """Owner, mode and all other bytes stay, in other sections and in comments, too."""
    config(host).chmod(0o640)
    node = planned(host)
    assert not host.holds(node.probe)
    done = host.run(configure_text(node))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "set: double_sign_check_height = 0 (was 10), halt-height = 0 (was 120)\n"
    assert config(host).read_bytes() == CONFIG.encode("latin-1").replace(b"=  10  ", b"=  0  ")
    assert app(host).read_text() == APP.replace("120", "0", 1)
    assert config(host).stat().st_mode & 0o7777 == 0o640
    assert host.acts == []
    assert host.holds(node.probe)


def test_how_it_is_undone_is_told(host: FakeHost) -> None:
    """By setting and value: what `abandon` and the report show where a run ends in between."""
    assert planned(host).undo == (
        "put back double_sign_check_height = 10 in config.toml and halt-height = 120 in app.toml "
        f"of {host.home}/config (the file of before is beside it, .remediate-old)"
    )


def test_the_file_of_before_is_kept_until_it_is_put_back(host: FakeHost) -> None:
    """It stands beside the new one; once the same file is there again, it is not needed."""
    assert host.run(configure_text(planned(host))).returncode == 0
    kept = host.home / "config/config.toml.remediate-old"
    assert kept.read_bytes() == CONFIG.encode("latin-1")
    done = host.run(configure_text(back(host)))
    assert (done.returncode, done.stdout) == (
        0,
        "set: double_sign_check_height = 10 (was 0)\n",
    )
    assert config(host).read_bytes() == CONFIG.encode("latin-1")
    assert sorted(path.name for path in config(host).parent.iterdir()) == [
        "app.toml",
        "app.toml.remediate-old",
        "config.toml",
        "priv_validator_key.json",
    ]


def test_what_is_so_already_is_left_alone(host: FakeHost) -> None:
    """A second time nothing is written."""
    assert host.run(configure_text(planned(host))).returncode == 0
    before = config(host).stat()
    done = host.run(configure_text(planned(host)))
    assert (done.returncode, done.stdout) == (
        0,
        "already so: the settings of ve.service are as planned\n",
    )
    assert config(host).stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_without_a_last_newline_keeps_none(host: FakeHost) -> None:
    """And one with the line ends of another system keeps those."""
    config(host).write_bytes(b"[consensus]\r\ndouble_sign_check_height = 10\r\nx = 1")
    assert host.run(configure_text(planned(host))).returncode == 0
    assert config(host).read_bytes() == b"[consensus]\r\ndouble_sign_check_height = 0\r\nx = 1"


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ("another value", "got double_sign_check_height = 11 in config.toml, expected 10"),
        ("twice", "got double_sign_check_height 2 times in config.toml, expected one"),
        ("a text", "got double_sign_check_height = "),
        ("a link", "got app.toml not read: it is not a regular file"),
        ("two names", "got app.toml not read: it has several names (hard links)"),
        ("a FIFO", "got app.toml not read: it is not a regular file"),
        ("no file", "got app.toml not read: there is no such file"),
        ("elsewhere", "got config.toml not read: it does not lie in the home"),
        ("flag", "got --halt-height on the command line of ve.service"),
        ("flag of two words", "got --consensus.double_sign_check_height on the command line"),
        ("environment", "got HALT_HEIGHT in the environment of ve.service"),
        ("open to others", "or others may write to it"),
        ("another home", "got another home in ve.service"),
    ],
)
def test_a_changed_world_is_refused(host: FakeHost, change: str, got: str) -> None:
    """Nothing is changed then, in neither file."""
    break_it(host, change)
    before = {path: path.read_bytes() for path in host.home.rglob("*.toml") if path.is_file()}
    done = host.run(configure_text(planned(host)))
    assert got in done.stderr
    assert done.returncode == 64, done
    assert {path: path.read_bytes() for path in before} == before
    assert not list((host.home / "config").glob("*remediate*"))


def break_it(host: FakeHost, change: str) -> None:
    text = config(host).read_bytes()
    start = f"argv[]=/bin/ve start --home {host.home}"
    match change:
        case "another value":
            config(host).write_bytes(text.replace(b"=  10", b"=  11"))
        case "twice":
            config(host).write_bytes(text.replace(b"[storage]", b"double_sign_check_height = 10"))
        case "a text":
            config(host).write_bytes(text.replace(b"=  10", b'= "10"'))
        case "a link":
            app(host).rename(host.root / "app.toml")
            app(host).symlink_to(host.root / "app.toml")
        case "two names":
            (host.root / "app.toml").hardlink_to(app(host))
        case "a FIFO":
            app(host).unlink()
            os.mkfifo(app(host))
        case "no file":
            app(host).unlink()
        case "elsewhere":
            (host.home / "config").rename(host.root / "elsewhere")
            (host.home / "config").symlink_to(host.root / "elsewhere")
        case "flag":
            host.show(ExecStart=f"{{ {start} --halt-height=120 ; }}")
        case "flag of two words":
            host.show(ExecStart=f"{{ {start} --consensus.double_sign_check_height 10 ; }}")
        case "environment":
            host.show(Environment="VIRTENGINED_HALT_HEIGHT=120")
        case "open to others":
            (host.home / "config").chmod(0o777)
        case "another home":
            host.show(ExecStart="{ argv[]=/bin/ve start --home /srv/other ; }")


def test_a_setting_that_the_file_lacks_is_zero(host: FakeHost) -> None:
    """As the daemon takes it: nothing is to be done, and no line is added."""
    config(host).write_bytes(b"[consensus]\n")
    done = host.run(configure_text(planned(host)))
    assert done.stdout == "set: halt-height = 0 (was 120)\n"
    assert config(host).read_bytes() == b"[consensus]\n"


@pytest.mark.parametrize("text_of", [start_text, restart_text])
def test_a_start_that_counts_on_it_looks_before(host: FakeHost, text_of: object) -> None:
    """The settings are 0 on the host, or nothing is started; an ordinary start does not ask."""
    assert callable(text_of)
    refused = host.run(text_of(host.node(settings_off=1)))
    assert (refused.returncode, host.acts) == (64, [])
    assert "got double_sign_check_height = 10 in config.toml, expected 0" in refused.stderr
    assert host.run(configure_text(planned(host))).returncode == 0
    assert host.run(text_of(host.node(settings_off=1))).returncode == 0
    assert "start ve.service" in host.acts


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("settings-are", "home", "ve", "halt-height=0"), 65),
        (("settings-are", "/home", "v e", "halt-height=0"), 65),
        (("settings-are", "/home", "ve", "moniker=0"), 65),
        (("settings-are", "/home", "ve", "halt-height=x"), 65),
        (("settings-are", "/home", "ve"), 64),
        (("settings-are", "/nowhere", "ve", "halt-height=0"), 69),
    ],
)
def test_a_probe_that_cannot_tell_says_neither(
    host: FakeHost, words: tuple[str, ...], status: int
) -> None:
    """Bad values and files that cannot be read are not a "no"."""
    done = host.ask(*words)
    assert (done.returncode, done.stdout) == (status, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"home": "/srv/$(x)"},
        {"unit": "ve"},
        {"halt_height": -1},
        {"new_halt_time": "0"},
        {"double_sign_check_height": 0, "halt_height": 0},
    ],
)
def test_malformed_settings_do_not_reach_a_shell(
    host: FakeHost, changes: dict[str, str | int]
) -> None:
    """Nor do some that would change nothing."""
    with pytest.raises(PlannedNodeError):
        planned(host, **changes)
