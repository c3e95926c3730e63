"""Other people's checkers of CI files, pinned: actionlint from its Go module, the schemas that
GitLab and SchemaStore publish from the wheel of check-jsonschema, which carries both unchanged.

Where they cannot be had, the test is skipped on somebody's own machine and fails in CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import pytest

from tests.lab.cache import built_once
from tests.lab.shell import LabError
from tests.lab.toolchain import toolchain

ACTIONLINT = "v1.7.7"
WHEEL = """\
check-jsonschema==0.39.0 \\
  --hash=sha256:14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b
"""
SCHEMAS = "check_jsonschema/builtin_schemas/vendor"
RUNNERS = "self-hosted-runner:\n  labels: [remediate-plan, remediate-apply]\n"


def _missing(tool: str, why: str) -> NoReturn:
    """A workflow that was not looked at is not one that is well."""
    pytest.fail(f"{tool} cannot be had: {why}")


def actionlint(workflow: Path, directory: Path) -> str:
    """What actionlint has to say of a workflow; "" for nothing."""
    try:
        program = built_once(f"actionlint-{ACTIONLINT}", _build_actionlint) / "actionlint"
    except (LabError, OSError) as error:
        _missing("actionlint", str(error))
    config = directory / "actionlint.yaml"
    config.write_text(RUNNERS)
    # shellcheck, where this machine has one, is of no pinned version.
    words = ("-no-color", "-shellcheck=", "-pyflakes=", "-config-file", str(config), str(workflow))
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def _build_actionlint(target: Path) -> None:
    """`go install` puts it where GOBIN says; its version names its content and its dependencies."""
    go = toolchain()
    before = os.environ.get("GOBIN")
    os.environ["GOBIN"] = str(target)
    try:
        package = f"github.com/rhysd/actionlint/cmd/actionlint@{ACTIONLINT}"
        go.run("install", package, cwd=target, timeout=600)
    finally:
        if before is None:
            del os.environ["GOBIN"]
        else:
            os.environ["GOBIN"] = before


@cache
def published_schema(name: str) -> Any:  # noqa: ANN401 - a JSON tree
    """The published schema `gitlab-ci` or `github-workflows`."""
    try:
        wheel = built_once(WHEEL.split()[0].replace("==", "-"), _install)
    except (LabError, OSError) as error:
        _missing("check-jsonschema", str(error))
    return json.loads((wheel / SCHEMAS / f"{name}.json").read_text())


def _install(directory: Path) -> None:
    requirements = directory / "requirements.txt"
    requirements.write_text(WHEEL)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"),
            *("--target", str(directory), "--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise LabError(done.stderr.strip()[-300:])


def check_schema(name: str, document: Any) -> list[str]:  # noqa: ANN401 - a YAML tree
    """What in a document does not fit a published schema."""
    schema = published_schema(name)
    kind = jsonschema.validators.validator_for(schema)
    return [f"{list(one.path)}: {one.message}" for one in kind(schema).iter_errors(document)]
