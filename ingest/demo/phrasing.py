"""Turn what was read into conversations: a question in one of many wordings, and its answer."""

from collections.abc import Mapping
from random import Random

from ingest.demo.conversation import (
    ANSWER_CHARACTERS,
    Conversation,
    exchange,
    sometimes_with_system,
)
from ingest.demo.documentation import Entry, Kind
from ingest.demo.reference import Passage
from ingest.demo.themes import Theme

LEAD_SHARE = 0.4
TWO_TURNS_SHARE = 0.08
WITH_SIGNATURE_SHARE = 0.45

QUESTIONS: Mapping[Kind, tuple[str, ...]] = {
    "class": (
        "What is the class `{name}` for?",
        "What does `{name}` represent?",
        "Explain `{name}` in a sentence or two.",
        "When would I need `{name}`?",
        "Describe the Python class `{name}`.",
    ),
    "function": (
        "What does `{name}` do?",
        "Explain the function `{name}` briefly.",
        "When would I call `{name}`?",
        "How is `{name}` described in the documentation?",
        "What is `{name}` good for?",
        "In Python, what happens when I call `{name}`?",
    ),
    "method": (
        "What does the method `{name}` do?",
        "Explain `{name}` briefly.",
        "What happens when I call `{name}`?",
        "Tell me about `{name}`.",
        "I came across `{name}` in someone's code. What is it for?",
        "How would you document `{name}`?",
    ),
    "property": (
        "What does the attribute `{name}` tell me?",
        "What is `{name}`?",
        "What do I read from `{name}`?",
        "Explain the property `{name}`.",
    ),
}
CALL_QUESTIONS = (
    "How do I call `{name}`, and what does it do?",
    "Show the signature of `{name}` and say what it does.",
    "Which arguments does `{name}` take, and what for?",
)
SIGNATURE_QUESTIONS = (
    "What is the signature of `{name}`?",
    "Which arguments does `{name}` take?",
    "How is `{name}` called?",
)
FOLLOW_UPS = ("And what does it do?", "Thanks. What is it for?", "Explain it, please.")

TERM_QUESTIONS = (
    "In the Python language reference, under “{section}”: what is said of `{term}`?",
    "How does the language reference explain `{term}` (“{section}”)?",
    "What should I know about `{term}` when I read about “{section}”?",
    "`{term}` puzzles me. What does the section “{section}” say about it?",
)
OPENING_QUESTIONS = (
    "Quote the language reference on “{section}”, from “{opening} …”",
    "How does this passage on “{section}” go on: “{opening} …”?",
    "Complete, from the Python reference (“{section}”): {opening} …",
)


def ask_about_entry(entry: Entry, theme: Theme, seed: int) -> Conversation:
    """Return a conversation about a documented name; the same entry and seed, the same words."""
    chance = Random(f"{seed}:{entry.name}")
    shape = chance.random()
    called = f"`{entry.signature}`"
    explained = f"{called}: {entry.summary}"
    if entry.signature and shape < TWO_TURNS_SHARE:
        first, then = chance.choice(SIGNATURE_QUESTIONS), chance.choice(FOLLOW_UPS)
        turns = [first.format(name=entry.name), called, then, entry.summary]
    elif entry.signature and shape < WITH_SIGNATURE_SHARE and len(explained) <= ANSWER_CHARACTERS:
        turns = [chance.choice(CALL_QUESTIONS).format(name=entry.name), explained]
    else:
        turns = [chance.choice(QUESTIONS[entry.kind]).format(name=entry.name), entry.summary]
    if chance.random() < LEAD_SHARE:
        turns[0] = f"{chance.choice(theme.leads)} {turns[0]}"
    return sometimes_with_system(exchange(*turns, about=entry.name), chance)


def ask_about_passage(passage: Passage, seed: int) -> Conversation:
    """Return a conversation about a passage; the same passage and seed, the same words."""
    chance = Random(f"{seed}:{passage.text}")
    questions = TERM_QUESTIONS if passage.term else OPENING_QUESTIONS
    question = chance.choice(questions).format(
        section=passage.section, term=passage.term, opening=passage.opening
    )
    conversation = exchange(question, passage.text, about=passage.section)
    return sometimes_with_system(conversation, chance)
