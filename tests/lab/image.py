"""The base image of all hosts: a plain Debian server, built once and never written to again.

It has what such a server has, and no jq or Python: the product must not need them there.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.lab.cache import built_once
from tests.lab.recipe import recipe_key
from tests.lab.shell import LabError, run

PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,iproute2,nftables,curl,ca-certificates,sudo,procps,"
    "libfaketime"
)
SUITE = "bookworm"
INDEX_FORMAT = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"

SETUP = """
set -eu
useradd --create-home --shell /bin/bash --uid 1000 ops
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --uid 990 virtengine
printf 'ops ALL=(ALL:ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
printf 'PermitRootLogin no\\nPasswordAuthentication no\\n' >/etc/ssh/sshd_config.d/lab.conf
rm -f /etc/ssh/ssh_host_* /etc/machine-id
: >/etc/machine-id
mkdir -p /var/log/journal /home/ops/.ssh
chown -R ops:ops /home/ops/.ssh
chmod 0700 /home/ops/.ssh
ln -s /usr/lib/*/faketime/libfaketime.so.1 /usr/local/lib/
for unit in systemd-sysctl.service systemd-resolved.service getty.target systemd-logind.service \
  e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf /lib/systemd/system/systemd-networkd.service /etc/systemd/system/multi-user.target.wants/
rm -rf /usr/share/doc /usr/share/man /usr/share/locale /var/cache/apt /var/lib/apt/lists
"""
"""What makes it a server of ours. systemd-sysctl fails in a container without its own kernel; of
inotify instances root has 128 by default, a host with getty and logind takes 8, one without 6."""


def base_image() -> Path:
    """The root file system all hosts lie over. About half a minute the first time.

    Raises:
        LabError: the packages cannot be fetched, after several attempts.
    """
    return built_once(f"base-{recipe_key(PACKAGES, SUITE, SETUP)}", build_root) / "root"


def build_root(directory: Path, *more: str) -> None:
    """The root file system, with more packages than usual if some are named, in `directory`/root.

    Raises:
        LabError: the packages cannot be fetched, after several attempts.
    """
    root = directory / "root"
    packages = ",".join((PACKAGES, *more))
    own = own_sources()
    last: LabError | None = None
    for sources in (own, own, []):
        shutil.rmtree(root, ignore_errors=True)
        try:
            run(
                *("mmdebstrap", "--variant=minbase", "--mode=root", f"--include={packages}"),
                *('--aptopt=Acquire::Retries "5"', SUITE, str(root), *sources),
                timeout=900,
            )
            run("chroot", str(root), "/bin/sh", "-s", stdin=SETUP)
        except LabError as error:
            last = error
        else:
            return
    raise LabError(f"the base image could not be built: {last}")


def own_sources() -> list[str]:
    """This machine's mirrors for the suite, which may be the only ones it reaches; else none, which
    means mmdebstrap's own."""
    listed = run("apt-get", "indextargets", "--format", INDEX_FORMAT, check=False).splitlines()
    return sorted({line for line in listed if re.fullmatch(f"deb \\S+ {SUITE}(-\\S+)? main", line)})
