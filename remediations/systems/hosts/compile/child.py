"""The compiling child: `python -m remediations.systems.hosts.compile.child CONTROL_FD`."""

from gevent import monkey

monkey.patch_all()  # before anything else is imported, or pyinfra misbehaves

from remediations.systems.hosts.compile.serve import main  # noqa: E402 - only after the patch

if __name__ == "__main__":
    main()
