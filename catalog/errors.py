"""Every error this library raises on purpose. Anything else that escapes is a bug of ours.

CatalogError
├── HomeError            a home that is missing, busy, or of another revision
│   ├── HomeNotFound
│   ├── HomeBusy
│   └── HomeRevision
├── UnknownName          a name nobody defined: source, task, space, snapshot, run, sample, method
├── InvalidInput         a file, option or value that cannot be used
│   ├── UnreadableInput
│   ├── InvalidQuery
│   ├── RefusedRows
│   └── UnfitSamples
├── Conflict             what is asked contradicts what is stored
│   ├── TaskChanged
│   ├── SpaceMismatch
│   ├── ScorerMismatch
│   ├── OutputExists
│   ├── SnapshotInUse
│   └── TextPurged
├── ModelError           a model that cannot be loaded or gives unusable vectors
├── MissingVectors       a space lacks vectors that a selection needs
├── MissingScores        a scorer has not scored samples that a selection needs
├── TooFewSamples        fewer samples than asked for
├── VerificationFailed   stored content is not what was frozen
└── StoreError           the database or the vector store failed
"""

from difflib import get_close_matches


class CatalogError(Exception):
    """An error with a cause the user can act on.

    Args:
        message: what was given, where, against what was expected.
        hint: what to do next, often a command.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class HomeError(CatalogError):
    """The home cannot be used as it is."""


class HomeNotFound(HomeError):
    """There is no catalog home at this path."""


class HomeBusy(HomeError):
    """Another process holds the home for longer than the time limit."""


class HomeRevision(HomeError):
    """The home's schema revision is not the one this library works with."""


class UnknownName(CatalogError):
    """A name that nothing in the home has."""

    @classmethod
    def among(cls, kind: str, name: str, known: list[str], *, hint: str = "") -> "UnknownName":
        """Build the error for `name`, listing what is known, the nearest guess first.

        >>> UnknownName.among("task", "gsm", ["bbh", "gsm8k"]).hint
        'Did you mean gsm8k? Known tasks: gsm8k, bbh.'
        """
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        ordered = near + [other for other in known if other not in near]
        guess = f"Did you mean {near[0]}? " if near else ""
        plural = f"{kind}es" if kind.endswith("s") else f"{kind}s"
        listed = ", ".join(ordered[:20]) + (", …" if len(ordered) > 20 else "")
        text = f"{guess}Known {plural}: {listed or 'none yet'}." + (f" {hint}" if hint else "")
        return cls(f"no {kind} named {name!r}", hint=text)


class InvalidInput(CatalogError):
    """A file, an option or a value that cannot be used."""


class UnreadableInput(InvalidInput):
    """A file that is missing, damaged, or of no known format."""


class InvalidQuery(InvalidInput):
    """A statement that is not one valid, read-only SELECT, or lacks what its use needs."""

    @classmethod
    def column(cls, name: str, known: list[str]) -> "InvalidQuery":
        """Build the error for a condition's unknown column, the nearest guess first."""
        guess = UnknownName.among("column", name, known)
        return cls(f"the condition of --where: {guess.message}", hint=guess.hint)


class RefusedRows(InvalidInput):
    """Rows were refused in a job that was told to be strict."""


class UnfitSamples(InvalidInput):
    """A trainer cannot read some samples as they are."""


class Conflict(CatalogError):
    """What is asked for contradicts what is stored."""


class TaskChanged(Conflict):
    """A task of this name and role exists with other content."""


class SpaceMismatch(Conflict):
    """An embedding space of this name exists with another contract."""


class ScorerMismatch(Conflict):
    """A scorer of this name exists with another contract."""


class OutputExists(Conflict):
    """The output path holds other content."""


class SnapshotInUse(Conflict):
    """A run used the snapshot, so it must stay."""


class TextPurged(Conflict):
    """The text that is asked for was destroyed, and only its hash is left."""


class ModelError(CatalogError):
    """A model that cannot be loaded, or gives vectors that cannot be used."""


class MissingVectors(CatalogError):
    """The space lacks vectors for samples or queries that are needed."""


class MissingScores(CatalogError):
    """A scorer has not scored samples that are needed."""


class TooFewSamples(CatalogError):
    """The pool, as narrowed, holds fewer samples than asked for."""


class VerificationFailed(CatalogError):
    """What is stored is not what was frozen."""


class StoreError(CatalogError):
    """The database or the vector store failed."""
