"""The program that raises the limit of open files, run for real under /bin/sh."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.comet.open_files import PlannedLimit
from remediations.systems.comet.planned import PlannedNodeError
from tests.unit.operations.host import FakeHost

RELOAD = r"""  daemon-reload)
    found=$(cat ../etc/ve.service.d/*.conf 2>/dev/null | sed -n 's/^LimitNOFILE=//p' | tail -n 1)
    echo "${found:-24}" >LimitNOFILE ;;
  stop)"""


class Limited(FakeHost):
    """A host whose unit may open 24 files, with the directory of drop-ins in the test's own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        systemctl = root / "bin/systemctl"
        systemctl.write_text(systemctl.read_text().replace("  stop)", RELOAD, 1))
        self.show(LimitNOFILE="24")

    def raised(self, **changes: int) -> PlannedLimit:
        words = {"unit": "ve.service", "home": str(self.home), "user": "ve"}
        limits = {"open_files": 24, "new_open_files": 65535} | changes
        return PlannedLimit.from_data({**words, **limits})

    def text(self, planned: PlannedLimit) -> str:
        return planned.text.replace("/etc/systemd/system/", f"{self.root}/etc/")

    @property
    def drop_in(self) -> Path:
        return self.root / "etc/ve.service.d/remediate-open-files.conf"


@pytest.fixture
def host(tmp_path: Path) -> Limited:
    return Limited(tmp_path)


def test_the_limit_is_raised_by_a_drop_in(host: Limited) -> None:
    """Once: a second run finds it so. The probe tells before and after; the file says the way
    back."""
    work = host.raised()
    assert not host.holds(work.probe)
    done = host.run(host.text(work))
    assert (done.returncode, done.stderr) == (0, "")
    assert "raised: ve.service may open 65535 files from its next start (24 before)" in done.stdout
    assert host.drop_in.read_text().endswith("[Service]\nLimitNOFILE=65535\n")
    assert f"rm {host.drop_in}" in host.drop_in.read_text()
    assert host.holds(work.probe)
    again = host.run(host.text(work))
    assert again.stdout == "already so: ve.service may open 65535 files\n"
    assert work.undo.endswith("(LimitNOFILE=24 again)")


def test_another_limit_than_planned_is_left(host: Limited) -> None:
    host.show(LimitNOFILE="512")
    done = host.run(host.text(host.raised()))
    assert done.returncode == 64
    assert "got LimitNOFILE 512 of ve.service, expected 24" in done.stderr
    assert not host.drop_in.exists()


def test_where_a_later_drop_in_decides_ours_is_taken_away(host: Limited) -> None:
    host.drop_in.parent.mkdir(parents=True)
    (host.drop_in.parent / "zz.conf").write_text("[Service]\nLimitNOFILE=100\n")
    done = host.run(host.text(host.raised()))
    assert done.returncode == 1
    assert "another one decides; it was taken away" in done.stderr
    assert not host.drop_in.exists()


def test_a_directory_that_others_may_write_to_is_refused(host: Limited) -> None:
    host.drop_in.parent.mkdir(parents=True)
    host.drop_in.parent.chmod(0o777)
    done = host.run(host.text(host.raised()))
    assert done.returncode == 64
    assert "of others than root" in done.stderr


def test_a_unit_that_a_run_holds_is_left(host: Limited) -> None:
    host.drop_in.parent.mkdir(parents=True)
    (host.drop_in.parent / "remediate-hold.conf").touch()
    assert host.run(host.text(host.raised())).returncode == 64


@pytest.mark.parametrize(
    "limits", [{"open_files": 65535}, {"new_open_files": 1 << 30}, {"open_files": 0}]
)
def test_a_limit_only_rises(host: Limited, limits: dict[str, int]) -> None:
    with pytest.raises(PlannedNodeError):
        host.raised(**limits)


def test_the_drop_in_is_taken_away_again(host: Limited) -> None:
    """Once; the probe tells. One that somebody changed stays."""
    work = host.raised()
    lower = work.lower_text.replace("/etc/systemd/system/", f"{host.root}/etc/")
    assert host.run(lower).stdout.startswith("already so: there is no ")
    host.run(host.text(work))
    done = host.run(lower)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "as before: ve.service may open 24 files from its next start\n"
    assert not host.drop_in.exists()
    assert host.holds(work.lowered_probe)
    host.run(host.text(work))
    host.drop_in.write_text("[Service]\nLimitNOFILE=99\n")
    refused = host.run(lower)
    assert (refused.returncode, host.drop_in.exists()) == (64, True)
