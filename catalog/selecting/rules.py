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


def rules(home: Home) -> dict[str, Rule]:
    """Return every rule by name: the shipped ones, then the user's.

    Raises:
        InvalidQuery: a file in the home's folder is no rule.
    """
    found = {name: Rule(load(f"select/{name}"), own=False) for name in names("select")}
    for path in sorted(home.queries.glob("*.sql")):
        if path.stem in found or path.stem in RESERVED:
            raise InvalidQuery(
                f"{path} has the name of a rule that comes with the catalog",
                hint="Give the file another name.",
            )
        found[path.stem] = Rule(_read(path), own=True)
    return found


def the_rule(home: Home, name: str) -> Rule:
    """Return the rule of this name.

    Raises:
        UnknownName: there is none.
        InvalidQuery: it is the user's, and no rule.
    """
    if name in names("select"):
        return Rule(load(f"select/{name}"), own=False)
    known = rules(home)
    if name not in known:
        raise UnknownName.among(
            "method", name, list(known), hint=f"Rules of your own are .sql files in {home.queries}."
        )
    return known[name]


def overview(home: Home) -> list[dict[str, Any]]:
    """Return every rule as a row: method, what_it_does, needs, params, and file if a user's."""
    return [
        {
            "method": name,
            "what_it_does": rule.query.summary,
            "needs": sorted(rule.query.needs),
            "params": sorted(rule.query.params),
            "file": str(home.queries / f"{name}.sql") if rule.own else None,
        }
        for name, rule in rules(home).items()
    ]


def own_rule(name: str, text: str) -> Rule:
    """Return a user's rule from the text that a recipe keeps."""
    return Rule(check(f"the rule {name}", text), own=True)


def _read(path: Path) -> Query:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidQuery(
            f"cannot read the rule {path}: {error}", hint="Rules are .sql files in UTF-8."
        ) from error
    return check(f"the rule {path.stem} ({path})", text)
