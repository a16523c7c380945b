"""Texts hashed anew: what DuckDB encodes is what `catalog.identity` does, whatever the text."""

from pathlib import Path
from typing import Any

import pytest

import ingest
from catalog import Catalog
from catalog.identity import hash_of
from catalog.rehashing import rehash
from tests.conftest import talk

ODD = ["é", "漢字", "🙂", 'say "no"', "a\\b", "a\n\nb", "\t x ", "'", "n", "1:n", "a" * 70_000]
CALL = [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]
LONG = [{"role": "user", "content": text} for text in ODD]


def conversations() -> list[dict[str, Any]]:
    plain = [talk(text) for text in ODD]
    more = [
        {"messages": [*LONG, {"role": "assistant", "content": "all"}]},
        {**talk("tools"), "tools": [{"name": "f"}]},
        {"messages": [*LONG, {"role": "assistant", "content": None, "tool_calls": CALL}]},
        {"messages": [LONG[0], {"role": "assistant", "content": "named", "name": "ann"}]},
    ]
    return [*plain, *more]


@pytest.mark.parametrize("at_once", [3, 50_000])
def test_every_text_has_the_hash_it_was_taken_in_under(
    cat: Catalog, write_jsonl: Any, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("catalog.rehashing.SAMPLES_AT_ONCE", at_once)
    rows = conversations()
    path: Path = write_jsonl("x.jsonl", rows)
    assert ingest.load(cat, [path], source="s").counts.added == len(rows)
    found_ids = cat.sql("select sample_id from sample order by sample_id").to_arrow()
    ids = found_ids["sample_id"].to_numpy()
    found = list(rehash(cat.home, ids))
    wanted = [hash_of(row["messages"], row.get("tools")) for row in rows]
    assert sorted(one.tobytes().hex() for part in found for one in part.computed) == sorted(wanted)
    assert all(part.same.all() and part.has_text.all() for part in found)
