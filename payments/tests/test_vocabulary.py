"""What counts as known are the words that the SDK has for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import stripe

from payments.endpoints import EVENTS
from payments.vocabulary import API_VERSIONS, EVENT_TYPES, WORDS

SOURCES = {"checkout.session": "checkout/_session.py"}


def test_types_and_versions_are_those_of_the_sdk() -> None:
    assert set(EVENTS) <= EVENT_TYPES
    assert "charge.refund.updated" in EVENT_TYPES
    assert stripe.api_version in API_VERSIONS
    assert "2017-08-15" in API_VERSIONS
    assert len(API_VERSIONS) > 100


def cases() -> list[tuple[str, str, frozenset[str]]]:
    return [
        (model.OBJECT, column, words)
        for model, columns in WORDS.items()
        for column, words in columns.items()
    ]


@pytest.mark.parametrize(("name", "column", "words"), cases())
def test_every_word_that_the_sdk_names_is_known(
    name: str, column: str, words: frozenset[str]
) -> None:
    """Where its type lists them; elsewhere they are in its documentation alone."""
    source = Path(str(stripe.__file__)).parent / SOURCES.get(name, f"_{name}.py")
    declared = re.search(rf"^ {{4,8}}{column}: (.*?)\"\"\"", source.read_text(), re.S | re.M)
    for found in re.finditer(rf"^    {column}: (.*?)\"\"\"", source.read_text(), re.S | re.M):
        declared = found
    assert declared is not None
    assert set(re.findall(r'"(\w+)"', declared[1])) <= words
