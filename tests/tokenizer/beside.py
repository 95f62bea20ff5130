"""A tokenizer.json in our hands and in those of the tokenizers package, for comparison."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tokenizers

from hornbook.tokenizer import Tokenizer

__all__ = ["Beside", "added", "document"]


def document(model: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    """A tokenizer.json with a model; sections that are left out do nothing."""
    empty = dict.fromkeys(
        ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    )
    return {"version": "1.0", **empty, "added_tokens": [], **sections, "model": dict(model)}


def added(content: str, token_id: int, **flags: bool) -> dict[str, Any]:
    """A special token, found by its exact spelling unless a flag says otherwise."""
    names = ("single_word", "lstrip", "rstrip", "normalized")
    return {"id": token_id, "content": content, **dict.fromkeys(names, False), "special": True, **flags}


class Beside:
    """Both tokenizers of a document."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.theirs = tokenizers.Tokenizer.from_str(json.dumps(content))
        self.ours = Tokenizer(content, source="tokenizer.json")

    def check(self, text: str, *, add_special_tokens: bool = True) -> None:
        """Compares ids, spans, batches, decoding and the decoding stream; special tokens are recognised."""
        expected = self.theirs.encode(text, add_special_tokens=add_special_tokens)
        spans = self.ours.encode_with_spans(
            text, allowed_special="all", add_special_tokens=add_special_tokens
        )
        assert [token_id for token_id, *_ in spans] == expected.ids, text
        assert [tuple(span) for _, *span in spans] == expected.offsets, text
        ids, _ = self.ours.encode_batch([text], allowed_special="all", add_special_tokens=add_special_tokens)
        assert ids.tolist() == expected.ids, text
        self.check_decoding(expected.ids)

    def check_decoding(self, ids: Sequence[int]) -> None:
        """Compares what ids decode to, with special tokens and without."""
        for skip in (False, True):
            expected = self.theirs.decode(ids, skip_special_tokens=skip)
            assert self.ours.decode(ids, skip_special_tokens=skip) == expected, ids
            stream = self.ours.decode_stream(skip_special_tokens=skip)
            assert "".join([*map(stream.push, ids), stream.finish()]) == expected, ids
