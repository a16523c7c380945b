"""Texts as words, boilerplate, and what of an item says enough to be looked for."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contamination.boilerplate import Spans, boilerplate, phrases
from catalog.contamination.grams import Table, codes, rolling
from catalog.contamination.items import Item, Vocabulary, item_of, read_part, sentences, stem
from catalog.contamination.words import is_unspaced, stands_alone, words


def ask(number: int, question: str, answer: str = "") -> Item:
    return Item(number, {"question": question, "answer": answer})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The \uff26ull width, the ﬁrst; STRASSE straße",
            "the full width the first strasse strasse",
        ),
        ("snake_case don't 3,000.5", "snake case don t 3 000 5"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("প্রদত্ত অধ্যায়ের", unicodedata.normalize("NFKC", "প্রদত্ত অধ্যায়ের")),
        ("日本語 です", "日 本 語 で す"),
        ("ภาษาไทย", "ภ า ษ า ไ ท ย"),
        ("이것은 한국어", "이것은 한국어"),
        ("", ""),
    ],
)
def test_words_are_unicode_words_without_case_width_or_punctuation(
    text: str, expected: str
) -> None:
    assert words(text) == expected.split()


def test_a_thai_mark_stays_with_its_letter() -> None:
    assert words("ที่") == ["ที่"]


@given(st.text())
def test_case_and_punctuation_around_change_no_words(text: str) -> None:
    assert words(f"  «{text}»!") == words(text)


def test_most_letters_decide_whether_a_text_is_unspaced() -> None:
    assert is_unspaced("これは日本語 ok")
    assert not is_unspaced("It says 日本 on the sign")


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("Why is the sky blue?", True),
        ("He asked: «Why is the SKY blue?» and left", True),
        ("Q: **Why is the sky blue**\nA: Rayleigh.", True),
        ("She knows why is the sky blue?", False),
        ("Why is the sky blue in summer?", False),
        ("Why is the sky blueish?", False),
    ],
)
def test_a_short_question_counts_only_as_a_sentence_of_its_own(text: str, alone: bool) -> None:
    assert stands_alone(["why", "is", "the", "sky", "blue"], text) is alone


def test_a_table_finds_every_place_of_its_runs_and_no_other() -> None:
    items = np.array([1, 2, 3, 4, 0, 2, 3, 4, 5, 0], np.int32)
    table = Table(items, 3, np.array([0, 1, 5, 6]))
    text = np.array([9, 2, 3, 4, 1, 2, 3, 0, 3, 4, 5, 2, 3], np.int32)
    [(_, hashes)] = rolling(text, [3])
    [(places, starts)] = table.find(text, hashes)
    assert sorted(zip(places.tolist(), starts.tolist(), strict=True)) == [
        (1, 1),
        (1, 5),
        (4, 0),
        (8, 6),
    ]


def test_a_chance_hash_marks_nothing() -> None:
    items = np.array([1, 2, 3], np.int32)
    table = Table(items, 3, np.array([0]))
    [(_, same)] = rolling(items, [3])
    other = np.array([4, 5, 6], np.int32)
    assert [len(places) for places, _ in table.find(other, same)] == [0]


def test_hashes_are_the_same_on_every_machine() -> None:
    assert codes(np.array([0, 1], np.int32)).tolist() == [
        16294208416658607535,
        7960286522194355700,
    ]


def spans(texts: list[str], vocabulary: Vocabulary) -> Spans:
    numbered = [vocabulary.add(words(text)) for text in texts]
    lengths = np.array([len(numbers) for numbers in numbered], np.int64)
    flat = [number for numbers in numbered for number in (*numbers, 0)]
    return Spans(np.array(flat, np.int32), np.cumsum(lengths + 1) - lengths - 1, lengths)


def test_an_instruction_is_boilerplate_and_a_passage_of_some_questions_is_not() -> None:
    vocabulary = Vocabulary()
    passages = [" ".join(f"p{number}w{word}" for word in range(12)) for number in range(10)]
    texts = [
        f"Answer from the passage. Passage: {passages[number % 10]} Question {number}: what is it?"
        for number in range(100)
    ]
    found = spans(texts, vocabulary)
    mask = boilerplate(found)
    told = [vocabulary.words()[number] for number in found.ids[mask]]
    assert sorted(set(told)) == sorted({"answer", "from", "the", "passage", "what", "is", "it"})
    assert phrases(found, mask, vocabulary.words(), 1) == [("answer from the passage passage", 100)]


def test_in_a_task_of_few_items_half_of_them_make_boilerplate() -> None:
    vocabulary = Vocabulary()
    texts = [f"Solve this now please: {word} and {word}" for word in ("a", "b", "c", "d")]
    found = spans(texts, vocabulary)
    mask = boilerplate(found)
    assert {vocabulary.words()[number] for number in found.ids[mask]} == {
        "solve",
        "this",
        "now",
        "please",
    }


def test_a_stem_leaves_out_options_but_not_lists_of_one() -> None:
    assert stem("Which?\nOptions:\n(A) one\n(B) two") == "Which?"
    assert stem("Which?\n- yes\n- no\nAnswer:") == "Which?"
    assert (
        stem("Read this.\nA. B. Smith wrote it.\nWho?") == "Read this.\nA. B. Smith wrote it.\nWho?"
    )


@given(st.text(alphabet="ab .?!:\n。", max_size=40))
def test_sentences_lose_nothing(text: str) -> None:
    assert "".join(sentences(text)) == text


def test_assistant_turns_are_the_answer_and_all_others_the_question() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": "Me."},
    ]
    assert item_of(7, messages) == Item(7, {"question": "Be brief.\nWho?", "answer": "\nMe."})


def test_short_questions_are_whole_runs_and_shorter_ones_are_counted() -> None:
    vocabulary = Vocabulary()
    items = [
        ask(1, "What is the boiling point of water?"),
        ask(2, "Who is he?"),
        ask(3, " ".join(f"w{number}" for number in range(13))),
        ask(4, ""),
    ]
    [checked] = read_part([items], "question", 13, vocabulary)
    found = {
        kind: {length: starts.tolist() for length, starts in lengths.items()}
        for kind, lengths in checked.runs.items()
    }
    assert found == {"ngram": {13: [12]}, "whole": {7: [0]}}
    assert (checked.too_short, checked.generic, checked.held()) == (1, 0, {0, 2})


def test_a_short_question_that_only_common_words_make_up_is_generic() -> None:
    vocabulary = Vocabulary()
    items = [
        ask(number, f"Which of these is true?\nA. o{number}\nB. p{number}") for number in range(10)
    ]
    items += [ask(number, f"r{number} s{number} t{number}") for number in range(10, 40)]
    [checked] = read_part([items], "question", 13, vocabulary)
    assert (checked.runs["whole"], checked.too_short, checked.generic) == ({}, 40, 10)


def test_short_answers_are_never_evidence() -> None:
    vocabulary = Vocabulary()
    items = [ask(1, "", "The capital of the country is Paris."), ask(2, "", "A")]
    [checked] = read_part([items], "answer", 13, vocabulary)
    assert (checked.runs["ngram"], checked.runs["whole"], checked.too_short) == ({}, {}, 2)


def test_runs_of_unspaced_characters_are_twice_as_long() -> None:
    vocabulary = Vocabulary()
    text = "".join(chr(0x4E00 + number) for number in range(30))
    [checked] = read_part([[ask(1, text)]], "question", 13, vocabulary)
    assert {length: len(starts) for length, starts in checked.runs["ngram"].items()} == {26: 5}
