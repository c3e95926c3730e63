"""The options of `remediate plan` that playbooks declare: their inputs.

Which there are is known only to the installed playbooks, whose import takes longer than all the
rest of a command line. So they are asked only where a word is an option that is not ours, or where
somebody asks for help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress

import click

from remediations.engine.catalogue import Catalogue, catalogue
from remediations.engine.plan.inputs import listed_inputs
from remediations.errors import RemediationError, UsageError
from remediations.machine.config import load_machine_config
from remediations.render.formats import name_some

_INSTALLED = "remediations.cli.inputs.installed"
_TYPED = "remediations.cli.inputs.typed"
_LONG = "--"


class PlanCommand(click.Command):
    """Has the inputs of the installed playbooks as options, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after the playbooks were asked where that is needed.

        Raises:
            UsageError: no playbook takes one of the options.
            RemediationError: the playbooks cannot be asked, and there is an option to ask for.
        """
        ours = _names(self.get_params(ctx))
        helps = ctx.resilient_parsing or bool({*args} & {*ctx.help_option_names})
        if helps or _typed_options(args) - ours:
            with suppress(RemediationError) if helps else nullcontext():
                ctx.meta[_INSTALLED] = catalogue(load_machine_config())
        if not helps:
            args = list(_joined(args, self.get_params(ctx), ours))
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            installed: Catalogue | None = ctx.meta.get(_INSTALLED)
            if installed is None:  # a short one
                raise
            raise _not_taken(error, installed) from error

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Ours, and one for each input of an installed playbook."""
        ours = super().get_params(ctx)
        installed: Catalogue | None = ctx.meta.get(_INSTALLED)
        return ours if installed is None else [*ours, *_options(installed, _names(ours))]


def typed_inputs() -> Mapping[str, Sequence[str]]:
    """All texts that were typed for each input, by its name."""
    typed: Mapping[str, Sequence[str]] = click.get_current_context().meta.get(_TYPED, {})
    return typed


def _typed_options(args: Sequence[str]) -> frozenset[str]:
    """The long options of a command line. A value that looks like one is taken for it, which costs
    nothing but time."""
    words = (word.partition("=")[0] for word in args)
    return frozenset(word for word in words if word.startswith(_LONG) and word != _LONG)


def _joined(
    args: Sequence[str], parameters: Sequence[click.Parameter], ours: frozenset[str]
) -> Iterator[str]:
    """The words, with each input and its value as one: `--NAME -3` is `--NAME=-3`. So the playbook
    says what is wrong with a value that begins with a dash, and click does not take it for options.

    Raises:
        UsageError: an input has no value: nothing, or another option is behind it.
    """
    metavars = {
        name: str(one.metavar) for one in parameters for name in one.opts if name not in ours
    }
    short = {name for name in _names(parameters) if not name.startswith(_LONG)}
    words = iter(args)
    for word in words:
        if word == _LONG:
            yield from (word, *words)
        elif word not in metavars:
            yield word
        else:
            value = next(words, None)
            if value is None or value.startswith(_LONG) or value[:2] in short:
                raise _without_value(word, metavars[word], value)
            yield f"{word}={value}"


def _without_value(name: str, metavar: str, after: str | None) -> UsageError:
    return UsageError(
        f"{name} has no value",
        guard="command line",
        got="nothing behind it" if after is None else f"the option {after} behind it",
        expected=f"{name} {metavar}; a value that looks like an option as {name}=VALUE",
        next_step=f"remediate plan PLAYBOOK {name} {metavar}",
    )


def _names(parameters: Sequence[click.Parameter]) -> frozenset[str]:
    return frozenset(name for one in parameters for name in one.opts)


def _options(installed: Catalogue, ours: frozenset[str]) -> list[click.Option]:
    """An option for each name. Where two playbooks have different inputs of one name, the one that
    is asked for a plan reads it. An option of ours is never taken for an input."""
    inputs = {one.name: one for each in installed.playbooks for one in each.playbook.inputs}
    return [
        click.Option(
            [f"{_LONG}{name}", f"input_{name.replace('-', '_')}"],
            metavar=one.metavar,
            help=f"{one.help} ({', '.join(_takers(installed, name))})",
            multiple=True,
            expose_value=False,
            callback=lambda ctx, _option, texts, name=name: _keep(ctx, name, texts),
        )
        for name, one in inputs.items()
        if f"{_LONG}{name}" not in ours
    ]


def _takers(installed: Catalogue, name: str) -> list[str]:
    """The playbooks that take an input."""
    playbooks = (each.playbook for each in installed.playbooks)
    return [book.id for book in playbooks if name in {one.name for one in book.inputs}]


def _keep(ctx: click.Context, name: str, texts: tuple[str, ...]) -> None:
    if texts:
        ctx.meta.setdefault(_TYPED, {})[name] = texts


def _not_taken(error: click.NoSuchOption, installed: Catalogue) -> UsageError:
    """What there is in its place: options that look like it, and all inputs of the playbooks. One
    that is broken may be whose it is."""
    found = [each.playbook for each in installed.playbooks if each.playbook.inputs]
    unused = [f"{trouble.name} of {trouble.distribution}" for trouble in installed.troubles]
    alike = [f"perhaps {name}" for name in sorted(error.possibilities or ())]
    inputs = [f"{book.id} takes {listed_inputs(book.inputs)}" for book in found]
    return UsageError(
        f"`plan` has no option {error.option_name}, and no playbook takes it",
        guard="command line",
        got=error.option_name + (f"; not used: {name_some(unused)}" if unused else ""),
        expected="; ".join([*alike, *inputs]) or "no playbook has an input",
        next_step="remediate plan --help",
    )
