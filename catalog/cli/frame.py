"""What all commands share: where the home is, how errors look, `--home` and `--json`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from catalog.errors import CatalogError

if TYPE_CHECKING:
    from catalog.api import Catalog

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Session:
    """What the options before and after the command's name said.

    Attributes:
        home: the catalog's folder, as given.
        json: print one JSON object instead of text.
    """

    home: str
    json: bool = False

    def open(self) -> "Catalog":
        """Open the catalog."""
        import catalog
        import ingest  # noqa: F401 - so that texts in statements and searches find a model

        return catalog.open(self.home)


class CatalogGroup(click.Group):
    """A group that prints a `CatalogError` as two lines instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; only our own errors are softened."""
        try:
            return super().invoke(ctx)
        except CatalogError as error:
            hint = f"\nHint: {error.hint}" if error.hint else ""
            raise click.ClickException(f"{error.message}{hint}") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are used, not by letter."""
        return list(self.commands)


def _set_home(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.find_object(Session).home = value  # type: ignore[union-attr]


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_object(Session).json = True  # type: ignore[union-attr]


def common(command: Command) -> Command:
    """Give a command `--home` and `--json`, which may stand before or after its name."""
    home = click.option(
        "--home", callback=_set_home, expose_value=False, help="The catalog's folder."
    )
    json = click.option(
        "--json",
        is_flag=True,
        callback=_set_json,
        expose_value=False,
        help="Print one JSON object.",
    )
    return home(json(command))


pass_session = click.make_pass_decorator(Session)
