"""A text in the catalog: the samples that hold it exactly, audited, and those nearest to it."""

from dataclasses import dataclass

from catalog.audit.sample import SampleAudit, about
from catalog.errors import CatalogError, InvalidInput
from catalog.functions.encoding import Encode
from catalog.home import Home
from catalog.progress import Progress
from catalog.search.searching import Found, Request, search
from catalog.sql import load
from catalog.store import Store

AUDITED = 10


@dataclass(frozen=True)
class TextAudit:
    """What the catalog knows of a text.

    Attributes:
        text: as it was given; nothing of it is folded or trimmed.
        exact: how many samples have a message with just this content.
        samples: the first of these, by hash, each with all that is known of it.
        nearest: the samples of the pool nearest to it, best first; None if none were looked for.
        note: why none were.
    """

    text: str
    exact: int
    samples: list[SampleAudit]
    nearest: Found | None
    note: str | None


def audit_text(
    home: Home, text: str, space: str | None, count: int, encode: Encode | None, progress: Progress
) -> TextAudit:
    """Audit the samples in which a text stands, and find those nearest to it.

    Args:
        home: the catalog's.
        text: the whole content of a message; compared as it is.
        space: embedding space to look for near ones in; may be left out if there is one.
        count: how many near ones.
        encode: embeds the text.
        progress: is told how far scoring is.

    Raises:
        InvalidInput: the text is empty.
        CatalogError: a space was named, and it cannot be searched.
    """
    if not text.strip():
        raise InvalidInput("the text to look for is empty", hint="Say what to look for.")
    with Store(home).read() as reader:
        found = reader.rows(load("audit/find_text"), text=text)
        ids = [row["sample_id"] for row in found[:AUDITED]]
        known = [reader.row(load("audit/by_id"), sample_id=one) or {} for one in ids]
        samples = [about(reader, home, sample) for sample in known]
        spaces = reader.value("select count(*) from embedding_space")
    nearest, note = None, None
    if space is None and spaces != 1:
        several = f"there are {spaces} spaces" if spaces else "there is no embedding space"
        note = f"nearest samples were not looked for: {several}" + "; name one with --space" * (
            spaces > 1
        )
    else:
        request = Request(text, None, space, count, None, ann=False, skip_missing=space is None)
        try:
            nearest = search(home, request, encode, progress)
        except CatalogError as error:
            if space is not None:
                raise
            note = f"nearest samples were not looked for: {error.message}"
    return TextAudit(text, len(found), samples, nearest, note)
