"""Rules: the shipped ones, and those a user keeps in the home's `queries/` folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import InvalidQuery, UnknownName
from catalog.home import Home
from catalog.sql import Query, check, load, names

RESERVED = ("sql", "mix")
"""Methods that are no rule: a statement given with --sql, and parts of snapshots."""

LISTS = "ranking"
BEST = "similarity"
PER_TASK = frozenset({LISTS, BEST})
"""Relations that a task and an embedding space are needed for."""


@dataclass(frozen=True)
class Rule:
    """A rule of either kind.

    Attributes:
        query: its statement.
        own: whether the user wrote it, and so may look at everything `catalog sql` can.
    """

    query: Query
    own: bool

    @property
    def for_tasks(self) -> bool:
        """Whether it selects for tasks."""
        return bool(self.query.needs & PER_TASK)

    @property
    def walks(self) -> bool:
        """Whether it is a walk over ranked lists, so that a barred sample costs no turn."""
        return not self.own and LISTS in self.query.needs


def rule_files(home: Home) -> dict[str, Path]:
    """Return the files of the user's rules by name."""
    files = sorted(home.queries.glob("*.sql"))
    return {path.stem: path for path in files if not path.name.startswith(".")}


def the_rule(home: Home, name: str) -> Rule:
    """Return the rule of this name.

    Raises:
        UnknownName: there is none.
        InvalidQuery: it is the user's, and no rule.
    """
    if name in names("select"):
        return Rule(load(f"select/{name}"), own=False)
    files = rule_files(home)
    if name not in files:
        raise UnknownName.among(
            "method",
            name,
            [*names("select"), *files],
            hint=f"Rules of your own are .sql files in {home.queries}.",
        )
    return Rule(_read(files[name]), own=True)


def overview(home: Home) -> list[dict[str, Any]]:
    """Return every rule as a row: method, what_it_does, needs, params, file, problem.

    `file` is of the user's rules, and `problem` says why one cannot be used.
    """
    found = [_row(name, load(f"select/{name}")) for name in names("select")]
    for name, path in rule_files(home).items():
        try:
            found.append(_row(name, _read(path)) | {"file": str(path)})
        except InvalidQuery as error:
            broken = {"method": name, "what_it_does": "", "needs": [], "params": []}
            found.append(broken | {"file": str(path), "problem": error.message})
    return found


def _row(name: str, query: Query) -> dict[str, Any]:
    return {
        "method": name,
        "what_it_does": query.summary,
        "needs": sorted(query.needs),
        "params": sorted(query.params),
        "file": None,
        "problem": None,
    }


def own_rule(name: str, text: str) -> Rule:
    """Return a user's rule from the text that a recipe keeps."""
    return Rule(check(f"the rule {name}", text), own=True)


def _read(path: Path) -> Query:
    if path.stem in (*names("select"), *RESERVED):
        raise InvalidQuery(
            f"{path} has the name of a rule that comes with the catalog",
            hint="Give the file another name.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidQuery(
            f"cannot read the rule {path}: {error}", hint="Rules are .sql files in UTF-8."
        ) from error
    return check(f"the rule {path.stem} ({path})", text)
