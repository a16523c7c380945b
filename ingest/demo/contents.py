"""What the demo holds, before it is written: the pool by source, and the tasks cut out of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from itertools import islice

from catalog.errors import TooFewSamples
from ingest.demo import arithmetic, scrape
from ingest.demo.conversation import Conversation
from ingest.demo.documentation import read_entries
from ingest.demo.phrasing import ask_about_entry, ask_about_passage
from ingest.demo.reference import read_passages
from ingest.demo.themes import CONCURRENCY, TEXT, THEMES

QUERIES = 12
HELDOUT = 48
ARITHMETIC_SIZE = 320
REFERENCE_SOURCE = "pydoc_language_topics"
REFERENCE_SIZE = 520
PLANTED_TASK = "concurrency"
TASK_SOURCES = {
    "arithmetic": "arithmetic",
    "text_processing": TEXT.source,
    "concurrency": CONCURRENCY.source,
}
"""Which source each task is cut out of; the rest of it stays in the pool."""


@dataclass(frozen=True)
class TaskItems:
    """What one task is made of; neither part is in the pool."""

    queries: Sequence[Conversation]
    heldout: Sequence[Conversation]


@dataclass(frozen=True)
class DemoContents:
    """All conversations of the demo, each list in the order of its file.

    Attributes:
        pool: by source.
        tasks: by name.
        planted_position: of the item in the held-out set of `PLANTED_TASK` that the pool's
            scraped source holds too.
    """

    pool: Mapping[str, Sequence[Conversation]]
    tasks: Mapping[str, TaskItems]
    planted_position: int


def compose(seed: int) -> DemoContents:
    """Return the demo's contents; the same for the same seed on the same build of Python."""
    made = _by_source(seed)
    tasks = {task: _cut(made[source]) for task, source in TASK_SOURCES.items()}
    kept = _without(made, tasks.values())
    sizes = {theme.source: theme.size for theme in THEMES} | {REFERENCE_SOURCE: REFERENCE_SIZE}
    pool = {source: items[: sizes.get(source)] for source, items in kept.items()}
    position = _nearest_to_queries(tasks[PLANTED_TASK])
    pool[scrape.SOURCE] = scrape.scraped(tasks[PLANTED_TASK].heldout[position], seed)
    return DemoContents(pool, tasks, position)


def _by_source(seed: int) -> dict[str, list[Conversation]]:
    made = _documented(seed)
    passages = [ask_about_passage(passage, seed) for passage in read_passages()]
    made[REFERENCE_SOURCE] = _shuffled(passages, seed)
    needed = ARITHMETIC_SIZE + QUERIES + HELDOUT
    made["arithmetic"] = list(islice(arithmetic.conversations(seed), needed))
    return made


def _documented(seed: int) -> dict[str, list[Conversation]]:
    # Words are chosen once for a name and a text, so a name under two themes is a true duplicate
    # and inherited documentation, the same text under many names, comes once.
    by_name: dict[str, Conversation] = {}
    name_of: dict[str, str] = {}
    made: dict[str, list[Conversation]] = {}
    for theme in THEMES:
        entries = [
            entry
            for entry in read_entries(theme.names)
            if name_of.setdefault(entry.summary, entry.name) == entry.name
        ]
        for entry in entries:
            by_name.setdefault(entry.name, ask_about_entry(entry, theme, seed))
        made[theme.source] = _shuffled((by_name[entry.name] for entry in entries), seed)
    return made


def _shuffled(conversations: Iterable[Conversation], seed: int) -> list[Conversation]:
    # By hash rather than by `random.shuffle`: one theme's order does not hang on what else it has,
    # so what two themes share is near the front of both or of neither.
    return sorted(
        conversations,
        key=lambda item: md5(f"{seed}:{item.messages}".encode(), usedforsecurity=False).digest(),
    )


def _cut(conversations: Sequence[Conversation]) -> TaskItems:
    end = QUERIES + HELDOUT
    if len(conversations) < end:
        raise TooFewSamples(
            f"this Python documents {len(conversations)} names of a theme, the demo needs {end}",
            hint="Run it without -OO (PYTHONOPTIMIZE=2), which strips the documentation.",
        )
    return TaskItems(conversations[:QUERIES], conversations[QUERIES:end])


def _without(
    made: Mapping[str, Sequence[Conversation]], tasks: Iterable[TaskItems]
) -> dict[str, list[Conversation]]:
    taken = [item for task in tasks for item in (*task.queries, *task.heldout)]
    prompts = {item.prompt for item in taken}
    answers = {item.answer for item in taken}
    return {
        source: [
            item for item in items if item.prompt not in prompts and item.answer not in answers
        ]
        for source, items in made.items()
    }


def _nearest_to_queries(task: TaskItems) -> int:
    """Return the position of the plain held-out item that shares most words with one query."""
    shared = {
        position: max(_likeness(item, query) for query in task.queries)
        for position, item in enumerate(task.heldout)
        if len(item.messages) == 2
    }
    return max(shared, key=lambda position: (shared[position], -position))


def _likeness(one: Conversation, other: Conversation) -> float:
    words, others = set(_words(one)), set(_words(other))
    return len(words & others) / len(words | others)


def _words(conversation: Conversation) -> Iterator[str]:
    for message in conversation.messages:
        yield from message.content.lower().split()
