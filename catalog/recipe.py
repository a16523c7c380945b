"""What a selection was asked for, in full: enough to do it again, in this home or another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput, UnknownName
from catalog.references import (
    LARGEST,
    Exclusion,
    Part,
    TaskReference,
    is_count,
    is_share,
    is_text,
    require,
)

Param = bool | int | float | str
Reference = TaskReference | Exclusion | Part


@dataclass(frozen=True)
class Recipe:
    """A selection, as asked for and resolved.

    Attributes:
        method: a rule's name, `sql` for a statement of the user's, or `mix`.
        size: samples to select; None takes all that the statement gives.
        tokens: token budget, instead of a size: the longest run of members that stays within.
        sql: the user's statement, if that is the method.
        rule: the text of a rule that the user wrote, if that is the method.
        tasks: to select for, in order.
        space: the contract of the embedding space, if one is used; its fields by name.
        where: condition on the pool.
        seed: of random draws.
        params: values of the statement's own parameters.
        scores: the contract of each scorer that the rule needs, by the name it has here.
        max_per_source: members that one source may have.
        not_in: whose samples are left out.
        skip_near_duplicates: members nearer than this cosine to an earlier one are passed over.
        skip_missing: leave out samples and queries that lack a vector or a score.
        exclude_contaminated: leave out samples marked by `decontaminate`.
        parts: of a mix, in order.
        repeats: how often one sample may count in a mix.
        allow_fewer: take fewer samples than `size` if there are no more.

    Raises:
        InvalidInput: a value is of the wrong kind, or does not go with the others.
    """

    method: str
    size: int | None = None
    tokens: int | None = None
    sql: str | None = None
    rule: str | None = None
    tasks: tuple[TaskReference, ...] = ()
    space: Mapping[str, Any] | None = None
    where: str | None = None
    seed: int = 0
    params: Mapping[str, Param] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    max_per_source: int | None = None
    not_in: tuple[Exclusion, ...] = ()
    skip_near_duplicates: float | None = None
    skip_missing: bool = False
    exclude_contaminated: bool = False
    parts: tuple[Part, ...] = ()
    repeats: int = 1
    allow_fewer: bool = False

    def __post_init__(self) -> None:
        """Check every value: what cannot be done is refused before anything is computed."""
        require(is_text(self.method), "method", self.method, "a text")
        for name in ("size", "tokens", "max_per_source", "repeats"):
            value = getattr(self, name)
            require(value is None or is_count(value), name, value, "a whole number of at least 1")
        seed_fits = type(self.seed) is int and -LARGEST <= self.seed <= LARGEST
        require(seed_fits, "seed", self.seed, "a whole number of 64 bits")
        for name in ("sql", "rule", "where"):
            value = getattr(self, name)
            require(value is None or is_text(value), name, value, "a text")
        for name in ("allow_fewer", "skip_missing", "exclude_contaminated"):
            require(type(getattr(self, name)) is bool, name, getattr(self, name), "true or false")
        near = self.skip_near_duplicates
        require(near is None or is_share(near), "skip_near_duplicates", near, "a cosine up to 1")
        space_fits = self.space is None or isinstance(self.space, Mapping)
        require(space_fits, "space", self.space, "the fields of a contract")
        scores_fit = isinstance(self.scores, Mapping) and all(
            is_text(name) and isinstance(contract, Mapping)
            for name, contract in self.scores.items()
        )
        require(scores_fit, "scores", self.scores, "names with contracts")
        require(isinstance(self.params, Mapping), "params", self.params, "names with values")
        for key, value in self.params.items():
            require(is_text(key) and _is_param(value), f"param {key}", value, "a text or number")
        self._check_together()

    def _check_together(self) -> None:
        if (self.method == "sql") != (self.sql is not None):
            raise InvalidInput(
                f"method is {self.method!r} {'with' if self.sql else 'without'} a statement",
                hint="A statement goes with the method `sql`, and a rule with none.",
            )
        if (self.method == "mix") != bool(self.parts):
            raise InvalidInput(
                f"method is {self.method!r} with {len(self.parts)} parts",
                hint="Parts go with the method `mix`: `catalog mix NAME A@1=70% B@2=30%`.",
            )
        if self.size is not None and self.tokens is not None:
            raise InvalidInput(
                f"size is {self.size:,} and tokens {self.tokens:,}, expected one of them",
                hint="Say how many samples with --size, or how many tokens with --tokens.",
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

        told, defaults = self.plain(), dict(json.loads(json.dumps(_DEFAULTS)))
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
            require(isinstance(found, dict), "the recipe", found, "fields with values")
            known = list(cls.__dataclass_fields__)
            for name in found:
                if name not in known:
                    guess = UnknownName.among("field", str(name), known)
                    raise InvalidInput(f"the recipe: {guess.message}", hint=guess.hint)
            for name, kind in _REFERENCES.items():
                found[name] = tuple(_reference(kind, name, one) for one in found.get(name) or [])
            return cls(**found)
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


def _reference(kind: type[Reference], name: str, value: object) -> Reference:
    fields = ", ".join(kind.__dataclass_fields__)
    fits = isinstance(value, dict) and value.keys() <= kind.__dataclass_fields__.keys()
    require(fits, f"one of {name}", value, f"the fields {fields}")
    return kind(**value)  # type: ignore[arg-type]


_REFERENCES: Mapping[str, type[Reference]] = {
    "tasks": TaskReference,
    "not_in": Exclusion,
    "parts": Part,
}
_DEFAULTS = asdict(Recipe(""))


def _parse(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    import yaml

    try:
        return json.loads(text)  # YAML is a superset of JSON, but for a few characters
    except ValueError:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(error) from error


def _is_param(value: object) -> bool:
    return is_text(value) or (type(value) in (bool, int, float) and isfinite(value))  # type: ignore[arg-type]


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
