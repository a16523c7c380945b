"""A source as the web leaves it: HTTP status pages, one held-out item, and rows beyond use."""

import json
from http import HTTPStatus
from random import Random

from ingest.demo.conversation import Conversation, exchange

SOURCE = "web_scrape"
PLANTED_POSITION = 17
ROWS = 30

QUESTIONS = (
    "What does the HTTP status {code} mean?",
    "A page answered {code}. What happened?",
    "Explain the response code {code}.",
    "My browser shows {code}; what is that?",
)


def scraped(planted: Conversation, seed: int) -> list[Conversation]:
    """Return what was scraped: status pages, and `planted` at position `PLANTED_POSITION`."""
    chance = Random(f"{seed}:{SOURCE}")
    pages = [
        exchange(
            chance.choice(QUESTIONS).format(code=status.value),
            f"{status.value} {status.phrase}: {status.description}.",
            about=f"{status.value} {status.phrase}",
        )
        for status in HTTPStatus
        if status.description
    ]
    chosen = chance.sample(pages, ROWS - 1)
    return [*chosen[:PLANTED_POSITION], planted, *chosen[PLANTED_POSITION:]]


def bad_lines() -> list[str]:
    """Return lines that no reader should accept, each for a reason of its own."""
    question = {"role": "user", "content": "What does the HTTP status 999 mean?"}
    answer = {"role": "assistant", "content": "It is not a registered status."}
    return [
        '{"id": "web_scrape_cut", "dataset": "web_scrape", "messages": [{"role": "us',
        _line("unknown_role", {**question, "role": "narrator"}, answer),
        _line("empty_prompt", {**question, "content": ""}, answer),
        _line("no_answer", question),
        _line("nul", question, {**answer, "content": "It is not\x00 registered."}),
    ]


def _line(fault: str, *messages: dict[str, str]) -> str:
    return json.dumps({"id": f"{SOURCE}_{fault}", "dataset": SOURCE, "messages": messages})
