"""What a run is checked against: command line, live inventory, and machine configuration.

Nothing of this comes from the run itself: otherwise the author of the plan would decide who may
approve it, and where names lead.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.plan.plan import Plan
from remediations.engine.runs.records import Anchor
from remediations.errors import ApprovalError, UsageError
from remediations.machine.config import MachineConfig, load_machine_config
from remediations.values.inventory import Inventory

if TYPE_CHECKING:
    from remediations.engine.approve.verifier import Verifier
    from remediations.reach.resolver import SshResolver

ON_COMMAND_LINE = "--allowed-signers"
IN_INVENTORY_OPTION = "--inventory or $REMEDIATE_INVENTORY"


class Anchors:
    """What a run of `plan` is checked against. Each file is read when it is first needed, once.

    `inventory` and `allowed_signers` are those of the command line, None if not given.
    """

    def __init__(
        self, plan: Plan, inventory: Path | None, allowed_signers: Path | None = None
    ) -> None:
        self._plan = plan
        self._given_inventory = inventory
        self._given_signers = allowed_signers

    @property
    def named_on_command_line(self) -> bool:
        """Whether who may approve was said by whoever calls, not by a file of the machine."""
        return self._given_signers is not None

    @cached_property
    def config(self) -> MachineConfig:
        """The machine configuration.

        Raises:
            UsageError: it cannot be used.
        """
        return load_machine_config()

    @cached_property
    def inventory(self) -> Inventory:
        """The live inventory: the given one, or else the one in the machine configuration that has
        the hosts of the plan.

        Raises:
            UsageError: there is none to choose, or it cannot be used.
        """
        found = live_inventory(self.config, self._given_inventory, self._plan.inventory_digest)
        if found is None:
            raise no_inventory_error(self.config)
        return found

    @cached_property
    def hosts(self) -> Inventory:
        """The live inventory, checked to have the hosts of the plan.

        Raises:
            UsageError: there is none to choose, or it cannot be used.
            ApprovalError: it has other hosts, for which the approval is not valid.
        """
        found = inventory_digest(self.inventory)
        if found != self._plan.inventory_digest:
            raise ApprovalError(
                "the approval is for other hosts: the inventory is not the one of the plan",
                guard="inventory digest",
                got=f"{self.inventory.path} with {found[:16]}",
                expected=self._plan.inventory_digest[:16],
                next_step="give the inventory it was planned with as --inventory FILE; or "
                f"`remediate plan {self._plan.playbook} --inventory {self.inventory.path}` again",
            )
        return self.inventory

    @cached_property
    def resolver(self) -> SshResolver:
        """The resolver for the names of the live inventory.

        Raises:
            MachineError: ssh is missing, or others could have replaced it.
            UsageError: the inventory or its ssh_config cannot be used.
        """
        # Imported here: SSH takes a quarter of a second to load, and `status` contacts no host.
        from remediations.reach.resolver import resolver_for

        return resolver_for(self.config, self.inventory)

    @cached_property
    def verifier(self) -> Verifier:
        """The verifier of approvals: the list of who may approve, and the machine's programs.

        Raises:
            ApprovalError: there is no list, or it cannot be used.
            UsageError: the inventory or the machine configuration that names it cannot be used.
            MachineError: ssh-keygen is missing, or others could have replaced it.
        """
        # Imported here: a list of runs that wait for nobody verifies nothing, and this is 15 ms.
        from remediations.engine.approve.verifier import load_verifier

        path, _ = self._list
        return load_verifier(path, self.config)

    @property
    def verifier_if_any(self) -> Verifier | None:
        """The verifier, or None on a machine that has neither a list of who may approve nor an
        inventory that would name one: that of somebody who signs, and does nothing else.

        Raises:
            ApprovalError, UsageError, MachineError: as `verifier`, where there is one.
        """
        named = (self._given_signers, self.config.allowed_signers, self._given_inventory)
        return self.verifier if any(named) or self.config.inventories else None

    @property
    def signers_used(self) -> Anchor:
        """The list of who may approve, as recorded in the journal."""
        path, named_by = self._list
        return Anchor(path=str(path), sha256=self.verifier.signers.sha256, named_by=named_by)

    @property
    def revocations_used(self) -> Anchor | None:
        """The list of revoked keys, None if the machine has none."""
        revoked = self.verifier.revoked
        if revoked is None:
            return None
        return Anchor(
            path=str(revoked.path), sha256=revoked.sha256, named_by=_configuration(self.config)
        )

    @property
    def inventory_used(self) -> Anchor:
        """The live inventory, as recorded in the journal."""
        given = self._given_inventory is not None
        return Anchor(
            path=self.inventory.path,
            sha256=self.inventory.sha256,
            named_by=IN_INVENTORY_OPTION if given else _configuration(self.config),
        )

    @property
    def ssh_config_used(self) -> Anchor | None:
        """The ssh_config that resolves names, None if the inventory does not name one."""
        config = self.resolver.config
        if config is None:
            return None
        named_by = f"the inventory {self.inventory.path}"
        return Anchor(path=str(config.path), sha256=config.sha256, named_by=named_by)

    @cached_property
    def _list(self) -> tuple[Path, str]:
        """The list that is used, and what named it: the source that is furthest from the run."""
        if self._given_signers is not None:
            return self._given_signers, ON_COMMAND_LINE
        if self.config.allowed_signers is not None:
            return self.config.allowed_signers, _configuration(self.config)
        if self.inventory.allowed_signers is not None:
            return Path(self.inventory.allowed_signers), f"the inventory {self.inventory.path}"
        raise ApprovalError(
            "nobody is allowed to approve: there is no allowed_signers file",
            guard="allowed_signers",
            got="none in the machine configuration, none in the inventory, none given",
            expected="a file in the form of ssh-keygen(1), ALLOWED SIGNERS",
            next_step="add `allowed_signers: FILE` to the inventory, or give --allowed-signers",
        )


def live_inventory(
    config: MachineConfig, given: Path | None, digest: str | None = None
) -> Inventory | None:
    """The given inventory, or else one of the machine configuration: the one with this digest, or
    the only one. None if there is none to choose.

    Raises:
        UsageError: it cannot be used.
    """
    # Imported here: YAML takes time to load, and often is not needed.
    from remediations.engine.observe.inventory import load_inventory

    if given is not None:
        return load_inventory(given)
    known = [load_inventory(path) for path in config.inventories]
    fitting = [one for one in known if inventory_digest(one) == digest]
    return fitting[0] if fitting else known[0] if len(known) == 1 else None


def no_inventory_error(config: MachineConfig) -> UsageError:
    """The refusal if no inventory was given and none can be chosen."""
    some = ", ".join(map(str, config.inventories))
    return UsageError(
        "no inventory was given",
        guard="inventory",
        got=f"neither --inventory nor $REMEDIATE_INVENTORY{'; known are ' + some if some else ''}",
        expected="a YAML file that names the hosts",
        next_step="give one of them as --inventory FILE"
        if some
        else "`remediate inventory discover HOST… --output FILE` proposes one; then give it as "
        "--inventory FILE",
    )


def _configuration(config: MachineConfig) -> str:
    return f"the machine configuration {config.path}"
