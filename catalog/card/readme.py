"""A data set's card as the Hugging Face hub reads it: YAML that it indexes, then Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from catalog.card.croissant import DESCRIPTIONS, DataFile, Publication
from catalog.card.facts import Facts, Source

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)

VERIFY = """\
from hashlib import sha256

import pyarrow.parquet as pq

rows = pq.read_table("{path}", columns=["content_hash"])
hashes = rows["content_hash"].to_pylist()
assert sha256(bytes.fromhex("".join(hashes))).hexdigest() == (
    "{digest}"
)
"""


def card(facts: Facts, file: DataFile, publication: Publication) -> str:
    """Return the text of `README.md`."""
    front = yaml.safe_dump(
        _front(facts, file, publication), sort_keys=False, allow_unicode=True, width=1000
    )
    snapshot = facts.snapshot
    parts = [
        f"---\n{front}---\n",
        f"# {snapshot}\n",
        f"{file.rows:,} conversations for instruction tuning, {facts.turns:,} messages and "
        f"{facts.characters:,} characters, selected on {snapshot.created_at:%Y-%m-%d} "
        f"with instruct-catalog {snapshot.software_version}.\n",
        "## Sources\n",
        _table(
            ("source", "revision", "samples", "also in it", "licence", "address"),
            map(_source, facts.sources),
        ),
        "Each sample is counted for the source that it first appeared in.\n",
        "## How it was chosen\n",
        f"By {facts.method}. The recipe:\n",
        f"~~~~yaml\n{snapshot.recipe.yaml().strip()}\n~~~~\n",
        "## What to know before use\n",
        "\n".join(f"- {line}" for line in _warnings(facts)) + "\n",
        "## Columns\n",
        _table(
            ("column", "what it holds"), ((f"`{n}`", DESCRIPTIONS[n]) for n in file.schema.names)
        ),
        "## Identity\n",
        _identity(facts, file),
    ]
    return "\n".join(parts)


def _front(facts: Facts, file: DataFile, publication: Publication) -> dict[str, Any]:
    hub = sorted({license.hub for license in facts.licenses})
    if facts.unlicensed:
        hub.append("unknown")
    others = [license for license in facts.licenses if license.hub == "other"]
    named: dict[str, Any] = {"license": hub[0] if len(hub) == 1 else hub}
    if hub == ["other"]:
        named["license_name"] = "-".join(others[0].name.lower().split())[:80]
        if others[0].url:
            named["license_link"] = others[0].url
    languages = {"language": list(publication.languages)} if publication.languages else {}
    return {
        "pretty_name": str(facts.snapshot),
        **named,
        **languages,
        "task_categories": ["text-generation"],
        "size_categories": [next((n for most, n in SIZES if file.rows < most), "n>1T")],
        "tags": ["instruction-tuning", "croissant"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": file.path}]}
        ],
    }


def _source(source: Source) -> Sequence[object]:
    return (
        source.name,
        source.revision,
        f"{source.first_members:,}",
        f"{source.members - source.first_members:,}",
        source.license.name if source.license else "unknown",
        source.uri or "",
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _warnings(facts: Facts) -> list[str]:
    found = [facts.marked.in_words]
    if facts.unlicensed:
        names = ", ".join(_cell(source.name) for source in facts.unlicensed)
        found.append(f"no licence is known of: {names}")
    if len(facts.licenses) > 1:
        found.append("the sources' licences differ: the terms of each hold for its samples")
    if facts.retired:
        found.append(f"{facts.retired:,} of the samples have been taken back since it was made")
    if facts.purged:
        found.append(f"{facts.purged:,} samples are left out: their text was destroyed")
    return found


def _identity(facts: Facts, file: DataFile) -> str:
    snapshot = facts.snapshot
    text = (
        f"`content_hash` is a SHA-256 over everything of a sample that a model could be trained "
        f"on. The digest of {snapshot} is a SHA-256 over these, in order:\n\n"
        f"    {snapshot.digest}\n\n"
        f"Where it was made, `catalog verify {snapshot}` hashes every text anew."
    )
    if facts.purged:
        return f"{text} This copy lacks samples, so its digest is another.\n"
    snippet = VERIFY.format(path=file.path, digest=snapshot.digest)
    return f"{text} Here:\n\n```python\n{snippet}```\n"
