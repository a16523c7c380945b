"""Instruction-following difficulty: what an answer costs given its prompt, over its cost alone.

Two prompts. `cherry` does what Cherry_LLM's scripts do (arXiv 2308.12032), to the token. `template`
is the text of the space itself, so its numerator is the answer NLL that the NLL pass gives.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Ids
from ingest.encoder import Encoder
from ingest.reading import read_window
from ingest.scores.columns import ANSWER_NLL, NO_ANSWER, PASS, Column, Values, contract
from ingest.scores.plans import Prepared, Stretch
from ingest.template import Answer
from ingest.tokens import UNLIMITED, Flags, Places, within

IFD = "ifd"
PARTS = ("", "_conditioned", "_alone")
"""Behind the name of the ratio's scorer: the ratio, its numerator, its denominator."""

ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
RESPONSE = "### Response:"
ALONE_EXTRA_TOKENS = 4
"""How many tokens more than the prompt leaves room for the official scripts give an answer alone:
those of `### Response:` with Llama's tokenizer, whatever the tokenizer."""

NOT_SINGLE_TURN = "not one question and one answer"
TOO_LONG = "too long"


def _columns(fields: dict[str, Any], suffix: str, name: str | None) -> tuple[Column, ...]:
    return tuple(
        Column(f"{IFD}{part}", {**fields, "kind": f"{IFD}{part}"}, suffix, name and f"{name}{part}")
        for part in PARTS
    )


class CherryPlan:
    """IFD as the official scripts compute it, of samples with one question and one answer."""

    sums = 2
    left_out = NOT_SINGLE_TURN

    def __init__(self, encoder: Encoder, suffix: str, name: str | None = None) -> None:
        space = encoder.space
        self._encoder, self._limit = encoder, space.max_tokens
        mark = sha256(f"{ALPACA}{RESPONSE}{ALONE_EXTRA_TOKENS}".encode()).hexdigest()[:16]
        fields = {field: getattr(space, field) for field in PASS}
        fields |= {"prompt": "cherry", "prompt_hash": mark, "max_tokens": space.max_tokens}
        self.columns = _columns(fields, suffix, name)
        [self._header] = encoder.tokenize_plain([RESPONSE]).lengths

    def candidates(self, reader: Reader, pool: Ids) -> Ids:
        """Return all; those of another shape are told when they are read."""
        return pool

    def prepare(self, store: Store, ids: Ids) -> Prepared:
        """Read and tokenise; two stretches per sample that fits."""
        with store.read() as reader:
            table = reader.arrow(load("embed/samples"), ids=ids.tolist())
        talks = table["messages"].to_pylist()
        single = [row for row, talk in enumerate(talks) if _is_single_turn(talk)]
        skipped = Counter({NOT_SINGLE_TURN: len(talks) - len(single)})
        prompts = [ALPACA.format(instruction=talks[row][0]["content"]) for row in single]
        answers = [talks[row][1]["content"] for row in single]
        wholes = [f"{prompt}{answer}" for prompt, answer in zip(prompts, answers, strict=True)]
        cut = np.zeros(len(talks), bool)
        asked = self._encoder.tokenize_plain(prompts).lengths
        given = self._encoder.tokenize_plain(wholes)
        alone = self._encoder.tokenize_plain([f"{RESPONSE}{a}" for a in answers], limit=UNLIMITED)
        stretches: list[Stretch] = []
        for place, row in enumerate(single):
            pair = self._pair(row, given.ids[place], asked[place], alone.ids[place], answers[place])
            stretches += pair
            cut[row] = given.lengths[place] > self._limit
            if not pair:
                skipped[TOO_LONG if answers[place] else NO_ANSWER] += 1
        return Prepared(table["id"].to_numpy(), cut, stretches, skipped)

    def _pair(
        self, row: int, text: list[int], prompt: int, alone: list[int], answer: str
    ) -> list[Stretch]:
        """Return an answer after its prompt and alone; nothing of one that is too long.

        Args:
            row: of the sample.
            text: token ids of prompt and answer, cut at the limit.
            prompt: tokens of the prompt, uncut.
            alone: token ids of header and answer, uncut.
            answer: the text of the answer.
        """
        room = self._limit - prompt
        if room <= 0 or len(text) <= prompt:
            return []
        limit = room + ALONE_EXTRA_TOKENS
        if len(alone) > limit:
            [alone] = self._encoder.tokenize_plain([f"{RESPONSE}{answer}"], limit=limit).ids
        answered = len(alone) - self._header
        if answered <= 0 or prompt + answered > self._limit:
            return []
        return [
            Stretch(row, text, (_from(prompt, len(text)), None)),
            Stretch(row, alone, (None, _from(self._header, len(alone)))),
        ]

    def values(self, prepared: Prepared, rows: Ids, means: Values) -> list[Values]:
        """Return the ratio, and both its parts."""
        return [means[:, 0] / means[:, 1], means[:, 0], means[:, 1]]

    def unscored(self, values: Sequence[Values]) -> Counter[str]:
        """Count what has stretches and no token to divide by."""
        return Counter({NO_ANSWER: int(np.isnan(values[0]).sum())})


def _from(start: int, length: int) -> Flags:
    return np.arange(length) >= start


def _is_single_turn(talk: Sequence[dict[str, Any]]) -> bool:
    roles = [message["role"] for message in talk]
    return roles == ["user", "assistant"] and all(
        message["content"] is not None for message in talk
    )


class AlonePlan:
    """IFD in a space's own template; the answer NLL must be there.

    Alone, each answer follows the header of its turn and nothing else. Of several answers the mean
    is over all their tokens, above the line and below it. The tokens are those of the whole text,
    so that what is cut there is missing here.
    """

    sums = 1
    left_out = NO_ANSWER

    def __init__(self, encoder: Encoder, suffix: str, name: str | None = None) -> None:
        self._encoder = encoder
        fields = contract(IFD, encoder.space, prompt="template")
        self.columns = _columns(fields, suffix, name)
        self._answer = Column(ANSWER_NLL, contract(ANSWER_NLL, encoder.space), suffix)

    def candidates(self, reader: Reader, pool: Ids) -> Ids:
        """Return the samples that have an answer NLL."""
        return np.intersect1d(pool, self._answer.scored(reader), assume_unique=True)

    def prepare(self, store: Store, ids: Ids) -> Prepared:
        """Read and tokenise; one stretch per answer."""
        window = read_window(store, self._encoder, "sample", ids, answers=True)
        with store.read() as reader:
            known = self._answer.find(reader)
            params = {"scorer_id": known.scorer_id if known else 0, "ids": ids.tolist()}
            given = reader.arrow(load("score/values"), **params)
        stretches: list[Stretch] = []
        for row, text in enumerate(window.texts):
            tokens, places = window.tokens.ids[row], window.tokens.places[row]
            stretches += [s for a in text.answers if (s := self._alone(row, tokens, places, a))]
        cut = np.array(window.tokens.lengths) > self._encoder.space.max_tokens
        skipped = Counter({NO_ANSWER: len(ids) - len({stretch.row for stretch in stretches})})
        return Prepared(window.ids, cut, stretches, skipped, given["value"].to_numpy())

    def _alone(self, row: int, tokens: list[int], places: Places, answer: Answer) -> Stretch | None:
        """Return the header of a turn and its answer, behind the token that begins a text."""
        answered = np.flatnonzero(within(places, [(answer.start, answer.end)]))
        inside = (places[:, 0] >= answer.opening) & (places[:, 1] <= answer.start)
        header = np.flatnonzero(inside & (places[:, 0] < places[:, 1]))
        begun = [0] if tokens and tokens[0] == self._encoder.begins_with else []
        taken = np.unique(np.concatenate([begun, header, answered]).astype(np.int64))
        if not len(answered) or len(taken) < 2:
            return None
        ids = [tokens[position] for position in taken]
        return Stretch(row, ids, (np.isin(taken, answered),))

    def values(self, prepared: Prepared, rows: Ids, means: Values) -> list[Values]:
        """Return the ratio, and both its parts."""
        given = prepared.given[rows]
        return [given / means[:, 0], given, means[:, 0]]

    def unscored(self, values: Sequence[Values]) -> Counter[str]:
        """Count the samples whose only answer token begins the text."""
        return Counter({NO_ANSWER: int(np.isnan(values[0]).sum())})
