"""The nouns of the catalog, as values."""

from dataclasses import MISSING, dataclass, fields
from hashlib import sha256
from typing import Any, Literal

from catalog.errors import InvalidInput

Pooling = Literal["weighted_mean", "mean", "last_token"]
TextPart = Literal["conversation", "prompt", "response"]
TemplateName = Literal["tulu", "plain", "model"]
ComputeDtype = Literal["float32", "bfloat16", "float16"]
StoredDtype = Literal["float16", "float32"]
Role = Literal["select", "heldout"]

LONGEST_NAME = 120


def check_name(name: str) -> None:
    """Check that a name can be told from one with a version or a role, and can be typed.

    Raises:
        InvalidInput: it cannot.
    """
    marked = any(mark in name for mark in "@/:")
    if not name or name != name.strip() or marked or not name.isprintable():
        raise InvalidInput(
            f"{name!r} cannot be a name",
            hint="Names are printable, not empty, and hold no : @ or /.",
        )
    if len(name) > LONGEST_NAME:
        raise InvalidInput(
            f"{name[:40]!r}… cannot be a name: it has {len(name)} characters",
            hint=f"Names have at most {LONGEST_NAME}.",
        )


@dataclass(frozen=True)
class EmbeddingSpace:
    """All that must agree before two vectors may be compared.

    Attributes:
        model: the model's name: on the hub, or its folder's.
        model_revision: the hub's commit, or a digest of the files.
        template: how messages become text.
        template_hash: of the template's definition, so that a change of it is noticed.
        text: which part of a conversation is embedded.
        pooling: how token states become one vector.
        layer: which hidden states are pooled.
        max_tokens: longer texts are cut on the right.
        compute_dtype: of the forward pass; pooling and norm are always float32.
        stored_dtype: of the vectors on disk.
        width: numbers per vector.
        query_prefix: put before the text of every query, as some sentence encoders want it.
        passage_prefix: put before the text of every sample.
        derivation: how the vectors were made of another space's, as JSON; empty if by the model.

    >>> EmbeddingSpace("org/model", "1f3a9c", "tulu", "aa", "conversation", "weighted_mean",
    ...     "last", 2048, "float32", "float16", 64).table_name
    'embedding_cd7bc75bfa8a'
    """

    model: str
    model_revision: str
    template: TemplateName
    template_hash: str
    text: TextPart
    pooling: Pooling
    layer: str
    max_tokens: int
    compute_dtype: ComputeDtype
    stored_dtype: StoredDtype
    width: int
    query_prefix: str = ""
    passage_prefix: str = ""
    derivation: str = ""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "EmbeddingSpace":
        """Build it from a row of `embedding_space`."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})

    def contract(self) -> dict[str, Any]:
        """Return its fields by name; those of later versions only where they are used."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.default is MISSING or getattr(self, field.name)
        }

    @property
    def table_name(self) -> str:
        """The LanceDB table that holds this space's vectors."""
        named = [f"{name}={value}" for name, value in self.contract().items()]
        return f"embedding_{sha256(chr(10).join(named).encode()).hexdigest()[:12]}"

    def differences(self, other: "EmbeddingSpace") -> list[str]:
        """Return the names of the fields in which two spaces differ.

        The same files in a folder of another name are the same model.
        """
        names = [field.name for field in fields(self)]
        digest = self.model_revision.startswith("sha256:")
        same_files = digest and self.model_revision == other.model_revision
        return [
            name
            for name in names
            if getattr(self, name) != getattr(other, name) and not (name == "model" and same_files)
        ]


@dataclass(frozen=True)
class NamedSpace:
    """An embedding space as one home knows it.

    Attributes:
        space_id: its key in this home.
        name: what people call it.
        space: the contract.
        location: where the model was last loaded from; no part of the contract.
    """

    space_id: int
    name: str
    space: EmbeddingSpace
    location: str


@dataclass(frozen=True)
class Task:
    """A query set: the capability to select for, at one revision.

    Attributes:
        task_id: its key in this home.
        name: what people call it.
        role: `select` to choose by, `heldout` to keep away from.
        revision: from 1; a replaced query set gets the next.
        digest: of the queries' content hashes, in order.
        query_count: how many queries it has.
    """

    task_id: int
    name: str
    role: Role
    revision: int
    digest: str
    query_count: int


@dataclass(frozen=True)
class TaskQueries:
    """A task and the ids of its queries, in order of position."""

    task: Task
    query_ids: tuple[int, ...]
