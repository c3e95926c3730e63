"""The compiling child: `python -m remediations.systems.hosts.compile.child CONTROL_FD`."""

from gevent import monkey

monkey.patch_all()  # pyinfra needs this before anything else is imported

from remediations.systems.hosts.compile.serve import main  # noqa: E402 - after the patch

if __name__ == "__main__":
    main()
