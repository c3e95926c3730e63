"""What an upgrade-info.json announces, under a real shell; and what is believed of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import UNSET

from remediations.systems.comet.announced import Announced, AnnouncedFile, parse_announced
from remediations.values.lines import TextError
from remediations.values.reading import Known, Unknown
from tests.unit.observe.fake_host import Host, observe

SUM, OTHER = "ab" * 32, "CD" * 32
INFO = {
    "binaries": {
        "linux/amd64": f"https://me:hunter2@x.example/ve?a=b&checksum=sha256:{SUM}",
        "linux/arm64": f"https://x.example/ve.tar.gz?checksum=sha256:{OTHER}",
        "darwin/arm64": "https://x.example/ve?checksum=sha512:12",
    }
}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on."""
    return Host(tmp_path, 1)


def write(host: Host, info: str, name: str = "v2") -> None:
    plan = {"name": name, "height": 114, "info": info}
    # The SDK writes it as encoding/json does, which escapes the ampersand.
    text = json.dumps(plan).replace("&", "\\u0026")
    host.home.joinpath("data/upgrade-info.json").write_text(text)


def test_checksums_arrive_and_addresses_do_not(host: Host) -> None:
    """For each platform, of what is downloaded; another kind of checksum is none."""
    write(host, json.dumps(INFO).replace("&", "\\u0026"))
    read = observe(host).announced
    assert isinstance(read, Known), read
    told = read.value
    assert told.upgrade == "v2"
    assert told.platform.startswith("linux/")
    assert told.files == (
        AnnouncedFile(platform="linux/amd64", archive=False, sha256=SUM),
        AnnouncedFile(platform="linux/arm64", archive=True, sha256=OTHER.lower()),
        AnnouncedFile(platform="darwin/arm64", archive=False, sha256=""),
    )
    assert "hunter2" not in str(read)


@pytest.mark.parametrize("info", ["", "https://x.example/info.json?checksum=sha256:" + SUM, "{"])
def test_what_lists_nothing_announces_nothing(info: str, host: Host) -> None:
    """A list that is only linked is not fetched."""
    write(host, info)
    read = observe(host).announced
    assert isinstance(read, Known), read
    assert (read.value.files, read.value.here) == ((), None)


def test_what_is_no_such_file_is_unknown(host: Host) -> None:
    """And where there is none, nothing is said."""
    assert observe(host).announced is UNSET
    host.home.joinpath("data/upgrade-info.json").write_text("{}")
    assert isinstance(observe(host).announced, Unknown)


def test_the_exact_platform_goes_before_any() -> None:
    """As cosmovisor chooses."""
    files = (
        AnnouncedFile(platform="any", archive=False, sha256=OTHER.lower()),
        AnnouncedFile(platform="linux/amd64", archive=False, sha256=SUM),
    )
    told = Announced(upgrade="v2", platform="linux/amd64", files=files)
    assert told.here == files[1]
    assert Announced(upgrade="v2", platform="linux/arm64", files=files).here == files[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name=v2\n",
        "machine=x86_64\n",
        "name=v2\nbinary=linux/amd64 plain xyz\nmachine=x86_64\n",
        f"name=v2\nbinary=linux/amd64 other {SUM}\nmachine=x86_64\n",
    ],
)
def test_what_is_malformed_is_not_believed(text: str) -> None:
    """Nothing of it is a default."""
    with pytest.raises(TextError):
        parse_announced(text)
