"""What a selection was asked for, in full: enough to do it again, in this home or another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput
from catalog.model import Role

Param = bool | int | float | str


@dataclass(frozen=True)
class TaskReference:
    """A query set as a recipe names it: by name and role, and by what it holds."""

    name: str
    role: Role
    digest: str


@dataclass(frozen=True)
class Recipe:
    """A selection, as asked for and resolved.

    Attributes:
        method: a rule's name, or `sql` for a statement of the user's.
        size: samples to select; None takes all that the statement gives.
        sql: the user's statement, if that is the method.
        tasks: to select for, in order.
        space: the contract of the embedding space, if one is used; its fields by name.
        where: condition on the pool.
        seed: of random draws.
        params: values of the statement's own parameters.
        allow_fewer: take fewer samples than `size` if there are no more.
    """

    method: str
    size: int | None = None
    sql: str | None = None
    tasks: tuple[TaskReference, ...] = ()
    space: Mapping[str, Any] | None = None
    where: str | None = None
    seed: int = 0
    params: Mapping[str, Param] = field(default_factory=dict)
    allow_fewer: bool = False

    def json(self) -> str:
        """Return the recipe as canonical JSON: equal recipes, equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    def yaml(self) -> str:
        """Return the recipe as a file for people, which `read` takes back."""
        import yaml

        plain = json.loads(self.json())
        kept = {name: value for name, value in plain.items() if value not in (None, [], {}, False)}
        ordered = {name: kept[name] for name in self.__dataclass_fields__ if name in kept}
        text: str = yaml.dump(ordered, sort_keys=False, allow_unicode=True, Dumper=_dumper())
        return text

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read what `json` or `yaml` wrote.

        Raises:
            InvalidInput: it is something else.
        """
        import yaml

        try:
            found = yaml.safe_load(text)
            tasks = tuple(TaskReference(**task) for task in found.pop("tasks", []))
            return cls(**found, tasks=tasks)
        except (yaml.YAMLError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"this is no recipe: {error}",
                hint="Take one from `catalog show NAME --recipe`.",
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> "Recipe":
        """Read a recipe file.

        Raises:
            InvalidInput: it is missing or no recipe.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read the recipe {str(path)!r}: {error}") from error


def _dumper() -> Any:  # noqa: ANN401 - a class made of PyYAML's untyped ones
    """Return a YAML writer that keeps long statements readable, as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
