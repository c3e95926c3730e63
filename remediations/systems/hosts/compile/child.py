"""The compiling child: `python -m remediations.systems.hosts.compile.child CONTROL_FD`."""

from gevent import monkey

monkey.patch_all()  # pyinfra needs this before anything else is imported

import gc  # noqa: E402 - after the patch
import sys  # noqa: E402
from types import ModuleType  # noqa: E402

# What is imported is not garbage: collections take 20 ms of the start.
gc.set_threshold(50_000)


class _StandIn(ModuleType):
    """Stands in for paramiko while pyinfra is imported. pyinfra's core catches one of its classes
    and names another as a type; nobody is contacted here, so nothing raises or makes either.
    paramiko (with invoke and its YAML) takes 70 ms of 370 to import, in both children and while the
    hosts are read. A deploy that imports it gets the real one."""

    SSHException = type("SSHException", (Exception,), {})
    PKey = type("PKey", (), {})


sys.modules["paramiko"] = _StandIn("paramiko")

from remediations.systems.hosts.compile.serve import main  # noqa: E402

del sys.modules["paramiko"]

if __name__ == "__main__":
    main()
