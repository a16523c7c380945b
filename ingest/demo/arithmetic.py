"""Arithmetic made up on the spot: sums, products, shares and stories, with their working."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from ingest.demo.conversation import Conversation, exchange, sometimes_with_system

Operator = Literal["+", "-", "*", "/"]
OPERATORS: tuple[Operator, ...] = ("+", "-", "*", "/")

PEOPLE = ("Ada", "Bruno", "Chen", "Dina", "Emeka", "Farah", "Goran", "Hana", "Ivo", "Kofi", "Lena")
THINGS = ("apples", "marbles", "stamps", "pencils", "books", "shells", "tickets", "coins", "seeds")

PLAIN_QUESTIONS = (
    "What is {expression}?",
    "Calculate {expression}.",
    "Work out {expression} and show the steps.",
    "How much is {expression}?",
    "Please compute {expression} step by step.",
)
CHANGES: tuple[tuple[str, Operator, int], ...] = (
    ("Now double it.", "*", 2),
    ("And three times that?", "*", 3),
    ("Add 10 to it, please.", "+", 10),
    ("Take 1 away from the result.", "-", 1),
)


@dataclass(frozen=True)
class Story:
    """A word problem; `{who}`, `{things}`, `{a}`, `{b}` and `{working}` are filled in."""

    operator: Operator
    question: str
    answer: str


STORIES = (
    Story(
        "+",
        "{who} has {a} {things} and is given {b} more. How many {things} does {who} have now?",
        "{who} starts with {a} {things} and gains {b}, so there are {working} of them.",
    ),
    Story(
        "+",
        "One box holds {a} {things}, another holds {b}. How many {things} are there in all?",
        "Both boxes count, so I add what they hold: {working}.",
    ),
    Story(
        "-",
        "{who} had {a} {things} and sold {b} of them. How many {things} are left?",
        "What was sold is taken away from the {a} {things}: {working}.",
    ),
    Story(
        "-",
        "A shop has {a} {things}; {who} buys {b}. How many {things} remain in the shop?",
        "The shop loses the {b} {things} that {who} buys, which leaves {working}.",
    ),
    Story(
        "*",
        "{who} packs {a} bags with {b} {things} in each. How many {things} is that altogether?",
        "Each of the {a} bags holds {b} {things}, so I multiply: {working}.",
    ),
    Story(
        "*",
        "{who} collects {b} {things} a day for {a} days. How many {things} does that make?",
        "{b} {things} on each of {a} days make {working} {things}.",
    ),
    Story(
        "/",
        "{who} shares {a} {things} equally among {b} friends. How many does each friend get?",
        "Equal shares mean that I divide the {a} {things} by {b}: {working}.",
    ),
    Story(
        "/",
        "{a} {things} are put into rows of {b}. How many rows can {who} make?",
        "Every row takes {b} of the {a} {things}, so the rows number {working}.",
    ),
)


def conversations(seed: int) -> Iterator[Conversation]:
    """Yield problems without end, no question and no answer twice; the same for the same seed."""
    chance = Random(f"{seed}:arithmetic")
    makers = tuple(MAKERS)
    asked: set[str] = set()
    answered: set[str] = set()
    while True:
        (maker,) = chance.choices(makers, weights=tuple(MAKERS.values()))
        made = sometimes_with_system(maker(chance), chance)
        if made.prompt not in asked and made.answer not in answered:
            asked.add(made.prompt)
            answered.add(made.answer)
            yield made


def working(a: int, operator: Operator, b: int) -> str:
    """Return the equation, worked in two steps where the second number has tens and ones.

    >>> working(48, "+", 17)
    '48 + 17 = 48 + 10 + 7 = 65'
    >>> working(84, "/", 7)
    '84 / 7 = 12'
    """
    ones = b % 10
    tens = b - ones
    steps = [f"{a} {operator} {b}"]
    if tens and ones and operator in ("+", "-"):
        steps.append(f"{a} {operator} {tens} {operator} {ones}")
    if tens and ones and operator == "*":
        steps.append(f"{a} * {tens} + {a} * {ones} = {a * tens} + {a * ones}")
    return " = ".join([*steps, str(result(a, operator, b))])


def result(a: int, operator: Operator, b: int) -> int:
    """Return the value of `a operator b`; divisions are made to leave no rest."""
    values: Mapping[Operator, int] = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}
    return values[operator]


def _operands(operator: Operator, chance: Random) -> tuple[int, int]:
    if operator == "+":
        return chance.randint(12, 480), chance.randint(11, 320)
    if operator == "-":
        b = chance.randint(11, 240)
        return b + chance.randint(3, 400), b
    a, b = chance.randint(3, 48), chance.randint(3, 29)
    return (a, b) if operator == "*" else (a * b, b)


def _plain_turns(chance: Random) -> tuple[str, str, str, int]:
    """Return an expression, a question, its answer and the number that it comes to."""
    operator = chance.choice(OPERATORS)
    a, b = _operands(operator, chance)
    expression, value = f"{a} {operator} {b}", result(a, operator, b)
    question = chance.choice(PLAIN_QUESTIONS).format(expression=expression)
    return expression, question, f"{working(a, operator, b)}. The answer is {value}.", value


def _plain(chance: Random) -> Conversation:
    expression, question, answer, _ = _plain_turns(chance)
    return exchange(question, answer, about=expression)


def _story(chance: Random) -> Conversation:
    story = chance.choice(STORIES)
    a, b = _operands(story.operator, chance)
    filled = {
        "who": chance.choice(PEOPLE),
        "things": chance.choice(THINGS),
        "a": a,
        "b": b,
        "working": working(a, story.operator, b),
    }
    answer = f"{story.answer.format(**filled)} The answer is {result(a, story.operator, b)}."
    return exchange(story.question.format(**filled), answer, about=f"{a} {story.operator} {b}")


def _percentage(chance: Random) -> Conversation:
    percent, hundreds = chance.choice((5, 15, 20, 25, 30, 40, 60, 75)), chance.randint(2, 40)
    whole = hundreds * 100
    part = percent * hundreds
    question = chance.choice(PLAIN_QUESTIONS).format(expression=f"{percent}% of {whole}")
    answer = (
        f"1% of {whole} is {whole} / 100 = {hundreds}, so {percent}% is "
        f"{working(percent, '*', hundreds)}. The answer is {part}."
    )
    return exchange(question, answer, about=f"{percent}% of {whole}")


def _in_two_turns(chance: Random) -> Conversation:
    expression, question, answer, value = _plain_turns(chance)
    request, operator, number = chance.choice(CHANGES)
    changed = result(value, operator, number)
    then = f"{working(value, operator, number)}. The answer is now {changed}."
    return exchange(question, answer, request, then, about=expression)


MAKERS: Mapping[Callable[[Random], Conversation], int] = {
    _story: 50,
    _plain: 28,
    _percentage: 14,
    _in_two_turns: 8,
}
