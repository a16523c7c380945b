"""Samples of one text: their scores tie wherever and whenever they were embedded."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

import catalog
import ingest
from tests.conftest import talk
from tests.tiny import TEXTS
from tests.traps.material import write_rows


def pairs() -> list[dict[str, Any]]:
    """Sixty pairs of samples that differ in white space alone, which templates strip."""
    random, words = Random(0), " ".join(TEXTS).split()
    texts = [" ".join(random.choices(words, k=random.randint(3, 40))) for _ in range(60)]
    return [
        talk(text + end, "Yes.", id=f"{number}{end}")
        for number, text in enumerate(texts)
        for end in ("", " ")
    ]


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_samples_of_one_text_tie_however_they_were_embedded(
    strangers: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    digests = set()
    for parts in (1, 3, 7):
        cat = catalog.init(tmp_path / f"home{parts}")
        ingest.add_task(cat, "t", write_rows(tmp_path / "t.jsonl", [talk("A query?")]))
        for part in range(parts):
            path = write_rows(tmp_path / f"{parts}.{part}.jsonl", pairs()[part::parts])
            ingest.load(cat, [path], source="s")
            exact = {"dtype": "float32", "store": "float32", "device": "cpu"}
            ingest.embed(cat, "x", model=str(strangers(family)), batch_tokens=300, **exact)
        snapshot = cat.select("all", method="round_robin", tasks=["t"], size=120)
        scores = cat.sql(
            "select count(distinct m.score) as scores from member as m "
            "join appearance as a using (sample_id) group by trim(a.external_id)"
        ).to_pylist()
        assert {row["scores"] for row in scores} == {1}
        digests.add(snapshot.digest)
    assert len(digests) == 1
