"""Files of every kind, made up: what the tokenizers package reads is read here, with the same results.

HORNBOOK_TEST_WHOLE=1 makes up 20,000 files of each kind of model.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.tokenizer.any_file import MODELS, TEXTS, documents

from hornbook.tokenizer import Tokenizer

WHOLE = bool(os.environ.get("HORNBOOK_TEST_WHOLE"))


def result_of(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What the tokenizers package gives; None if it fails, even by a panic, which is no Exception."""
    try:
        return function(*arguments, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return None


@settings(
    max_examples=20_000 if WHOLE else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.parametrize("kind", MODELS)
@given(data=st.data())
def test_what_the_oracle_reads_is_read_with_equal_results(kind: str, data: st.DataObject) -> None:
    content = data.draw(documents(kind))
    theirs = result_of(tokenizers.Tokenizer.from_str, json.dumps(content))
    assume(theirs is not None)
    theirs.no_padding()
    theirs.no_truncation()
    text, other = data.draw(TEXTS), data.draw(TEXTS)
    expected = result_of(theirs.encode, text)
    bare = result_of(theirs.encode, text, add_special_tokens=False)
    assume(expected is not None and bare is not None)
    ours = Tokenizer(content, source="tokenizer.json")
    for adds_special, encoding in ((True, expected), (False, bare)):
        options: Any = {"add_special_tokens": adds_special, "allowed_special": "all"}
        spans = ours.encode_with_spans(text, **options)
        assert [token_id for token_id, *_ in spans] == encoding.ids
        assert ours.encode_batch([text], **options).ids.tolist() == encoding.ids
        assert [tuple(span) for _, *span in spans] == encoding.offsets
    pair = result_of(theirs.encode, text, other)
    if pair is not None:
        assert ours.encode_pair(text, other, allowed_special="all") == (pair.ids, pair.type_ids)
    ids = data.draw(st.lists(st.integers(0, theirs.get_vocab_size() + 2), max_size=9)) + expected.ids
    for skips in (False, True):
        decoded = result_of(theirs.decode, ids, skip_special_tokens=skips)
        if decoded is not None:
            known = [token_id for token_id in ids if token_id < ours.vocab_size]
            assert ours.decode(known, skip_special_tokens=skips) == decoded
            stream = ours.decode_stream(skip_special_tokens=skips)
            assert "".join([*map(stream.push, known), stream.finish()]) == decoded
