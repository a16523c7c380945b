"""What a selection was asked for, in full: enough to do it again, in this home or another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from catalog.errors import InvalidInput
from catalog.model import Role

Param = bool | int | float | str
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class TaskReference:
    """A query set as a recipe names it: by name and role, and by what it holds."""

    name: str
    role: Role
    digest: str

    def __post_init__(self) -> None:
        """Check every value."""
        for name, value in vars(self).items():
            _require(_is_text(value), f"a task's {name}", value, "a text")
        roles = get_args(Role)
        _require(self.role in roles, "a task's role", self.role, " or ".join(roles))


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

    Raises:
        InvalidInput: a value is of the wrong kind, or does not go with the others.
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

    def __post_init__(self) -> None:
        """Check every value: what cannot be done is refused before anything is computed."""
        _require(_is_text(self.method), "method", self.method, "a text")
        size_fits = self.size is None or (type(self.size) is int and 1 <= self.size <= LARGEST)
        _require(size_fits, "size", self.size, "a whole number of at least 1")
        seed_fits = type(self.seed) is int and -LARGEST <= self.seed <= LARGEST
        _require(seed_fits, "seed", self.seed, "a whole number of 64 bits")
        for name, text in (("sql", self.sql), ("where", self.where)):
            _require(text is None or _is_text(text), name, text, "a text")
        _require(type(self.allow_fewer) is bool, "allow_fewer", self.allow_fewer, "true or false")
        space_fits = self.space is None or isinstance(self.space, Mapping)
        _require(space_fits, "space", self.space, "the fields of a contract")
        _require(isinstance(self.params, Mapping), "params", self.params, "names with values")
        for key, value in self.params.items():
            _require(_is_text(key) and _is_param(value), f"param {key}", value, "a text or number")
        self._check_together()

    def _check_together(self) -> None:
        if (self.method == "sql") != (self.sql is not None):
            raise InvalidInput(
                f"method is {self.method!r} {'with' if self.sql else 'without'} a statement",
                hint="A statement goes with the method `sql`, and a rule with none.",
            )
        if self.params and self.sql is None:
            raise InvalidInput(
                f"{self.method} takes no parameters, {', '.join(self.params)} given",
                hint="Parameters go with --sql.",
            )
        names = [(task.name, task.role) for task in self.tasks]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise InvalidInput(
                f"the task {repeated[0][0]!r} is given {len(repeated)} times",
                hint="Name every task once, in the order in which they take turns.",
            )

    def json(self) -> str:
        """Return the recipe as canonical JSON: equal recipes, equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    def plain(self) -> dict[str, Any]:
        """Return the recipe as JSON has it: dictionaries, lists, texts and numbers."""
        return dict(json.loads(self.json()))

    def yaml(self) -> str:
        """Return the recipe as a file for people, which `read` takes back."""
        import yaml

        told, defaults = self.plain(), Recipe("").plain()
        ordered = {
            name: told[name]
            for name in self.__dataclass_fields__
            if name == "method" or told[name] != defaults[name]
        }
        text: str = yaml.dump(ordered, sort_keys=False, allow_unicode=True, Dumper=_dumper())
        return text

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read what `json` or `yaml` wrote.

        Raises:
            InvalidInput: it is something else.
        """
        try:
            found = _parse(text)
            tasks = tuple(TaskReference(**task) for task in found.pop("tasks", None) or [])
            return cls(**found, tasks=tasks)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
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
            raise InvalidInput(
                f"cannot read the recipe {str(path)!r}: {error}",
                hint="Write one with `catalog show NAME --recipe > FILE`.",
            ) from error


def _parse(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    import yaml

    try:
        return json.loads(text)  # YAML is a superset of JSON, but for a few characters
    except ValueError:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(error) from error


def _require(fits: bool, name: str, value: object, expected: str) -> None:
    if not fits:
        raise InvalidInput(
            f"{name} is {value!r}, expected {expected}",
            hint="Mend it where it was given: an option, or a line of the recipe's file.",
        )


def _is_text(value: object) -> bool:
    """Tell whether this is a text that can be stored; one with a lone surrogate cannot."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _is_param(value: object) -> bool:
    return _is_text(value) or (type(value) in (bool, int, float) and isfinite(value))  # type: ignore[arg-type]


def _dumper() -> Any:  # noqa: ANN401 - a class made of PyYAML's untyped ones
    """Return a YAML writer that keeps long statements readable, as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        # A block's line breaks are made alike when it is read: odd ones need quotes.
        odd = any(not (char.isprintable() or char in "\n\t") for char in value)
        style = '"' if odd else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
