"""What a card says, gathered once for both of its forms."""

from dataclasses import dataclass
from urllib.parse import quote

from catalog.card.licenses import License, known
from catalog.home import Home
from catalog.show import Marked, contamination, in_words
from catalog.snapshot import Snapshot
from catalog.sql import load
from catalog.store import Store

HUB = "https://huggingface.co/datasets/"
IN_ADDRESSES = "%:/?#[]@!$&'()*+,;=~"
"""Characters that an address may hold beside letters and digits; others are escaped in it."""


@dataclass(frozen=True)
class Source:
    """A source that members come from.

    Attributes:
        name: of the source.
        revision: of it.
        license: as it was given at ingest; None if it was not.
        uri: where it is public; None if it is not, or nowhere is known.
        members: that appeared in it.
        first_members: that appeared in it first, so that all of these make the whole.
    """

    name: str
    revision: str
    license: License | None
    uri: str | None
    members: int
    first_members: int

    @property
    def identifier(self) -> str:
        """Return what stands for the source on the web: its address, or a name."""
        if self.uri:
            return quote(self.uri, IN_ADDRESSES)
        return f"urn:catalog:source:{quote(self.name, '')}:{quote(self.revision, '')}"


@dataclass(frozen=True)
class Facts:
    """What a card says of a snapshot.

    Attributes:
        snapshot: which.
        method: how its members were chosen, in words.
        sources: where they come from, the largest first.
        members: how many there are.
        turns: messages of all members together.
        characters: of their contents.
        retired: members that have been taken back since.
        purged: members that are left out, since their text was purged.
        marked: what checks for contamination found.
    """

    snapshot: Snapshot
    method: str
    sources: tuple[Source, ...]
    members: int
    turns: int
    characters: int
    retired: int
    purged: int
    marked: Marked

    @property
    def licenses(self) -> tuple[License, ...]:
        """Return the licences of all sources, each once, by name."""
        found = {s.license.name: s.license for s in self.sources if s.license is not None}
        return tuple(found[name] for name in sorted(found))

    @property
    def unlicensed(self) -> tuple[Source, ...]:
        """Return the sources of which no licence is known."""
        return tuple(source for source in self.sources if source.license is None)


def gather(home: Home, snapshot: Snapshot, purged: int) -> Facts:
    """Gather what a card says of a snapshot, of which some members are left out."""
    params = {"snapshot_id": snapshot.snapshot_id}
    with Store(home).read() as reader:
        sources = reader.rows(load("card/sources"), **params)
        [members] = reader.rows(load("card/members"), **params)
    return Facts(
        snapshot,
        in_words(snapshot.recipe),
        tuple(
            Source(
                row["source"],
                row["revision"],
                known(row["license"]) if row["license"] else None,
                _public(row["uri"] or ""),
                row["members"],
                row["first_members"],
            )
            for row in sources
        ),
        members["members"],
        members["turns"],
        members["characters"],
        members["retired"],
        purged,
        contamination(snapshot),
    )


def _public(uri: str) -> str | None:
    """Return the address that people find a source at, None if it is nobody else's business.

    >>> _public("hf://org/name:train"), _public("/home/ann/data")
    ('https://huggingface.co/datasets/org/name', None)
    """
    if uri.startswith("hf://"):
        return HUB + uri.removeprefix("hf://").partition(":")[0]
    return uri if uri.startswith(("http://", "https://")) else None
