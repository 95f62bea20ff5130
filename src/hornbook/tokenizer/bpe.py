"""The tokenizer of GPT-2: byte-level byte pair encoding, which encodes any text and decodes it exactly.

`models.byte_bpe` turns words into ids.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
"""

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any, Self

from hornbook.errors import TokenizerError
from hornbook.files import write_whole
from hornbook.tokenizer.files.compose import byte_level_document
from hornbook.tokenizer.files.vocabulary import read_vocabulary, special_tokens
from hornbook.tokenizer.steps.added_tokens import AddedToken
from hornbook.tokenizer.steps.templates import PLAIN
from hornbook.tokenizer.tokenizer import Tokenizer

__all__ = ["BPETokenizer"]

HEADER = "#version: 0.2"


class BPETokenizer(Tokenizer):
    """Byte-level byte pair encoding; made by `from_files`, `from_file` or `from_folder`.

    Example:
        >>> tokenizer = BPETokenizer.from_files("vocab.json", "merges.txt")
        >>> tokenizer.encode("The quick brown fox")
        [464, 2068, 7586, 21831]
    """

    def __init__(self, document: Mapping[str, Any], *, source: str = "tokenizer", **options: Any) -> None:
        super().__init__(document, source=source, **options)
        if not (self._pipeline.kind == "byte-level BPE" and self._pipeline.decoder.is_byte_level):
            raise TokenizerError(f"{source}: not a byte-level BPE; Tokenizer.from_file reads other kinds")

    @classmethod
    def from_files(cls, vocab: str | PathLike[str], merges: str | PathLike[str], **options: Any) -> Self:
        """Reads vocab.json and merges.txt, the files that GPT-2 was published with.

        Tokens that are neither a byte nor made by a merge are special.

        Raises:
            TokenizerError: A file is damaged, or the two do not belong together.
            OSError: A file cannot be read.
        """
        tokens, pairs = read_vocabulary(Path(vocab), Path(merges))
        document = byte_level_document(tokens, pairs, special_tokens(tokens, pairs, str(vocab)))
        return cls(document, source=str(vocab), **options)

    def save_files(self, folder: str | PathLike[str]) -> None:
        """Writes vocab.json and merges.txt, from which `from_files` makes an equal tokenizer.

        Raises:
            TokenizerError: The tokenizer has settings that these files cannot hold.
            OSError: A file cannot be written; a file of that name is kept.
        """
        tokens = self._pipeline.tokens
        pairs = [_pair(entry) for entry in self._document["model"]["merges"] if entry != HEADER]
        special = special_tokens(tokens, pairs, "save_files")
        if not self._is_plain(set(special)):
            raise TokenizerError(
                "save_files: vocab.json and merges.txt cannot hold this tokenizer's added tokens or "
                "settings; save() writes a tokenizer.json, which can"
            )
        in_order = dict(sorted(tokens.items(), key=itemgetter(1)))
        vocab = json.dumps(in_order, ensure_ascii=False, separators=(",", ":"))
        merges = "".join(f"{left} {right}\n" for left, right in pairs)
        for name, text in (("vocab.json", vocab), ("merges.txt", f"{HEADER}\n{merges}")):
            with write_whole(Path(folder) / name) as stream:
                stream.write(text.encode("utf-8"))

    def _is_plain(self, special: set[str]) -> bool:
        """Whether the tokenizer has GPT-2's own settings and these special tokens, and no others."""
        pipeline, step = self._pipeline, self._document["pre_tokenizer"]
        is_split = step["type"] == "ByteLevel" and step.get("use_regex") in (None, True)
        is_merged = not self._document["model"].get("ignore_merges")
        is_bare = not (
            pipeline.normalizer or pipeline.pre_tokenizers or pipeline.template.single != PLAIN.single
        )
        plain = {
            token.content for token in pipeline.added if token == AddedToken(token.content, token.id, True)
        }
        return is_split and is_merged and is_bare and plain == special and len(pipeline.added) == len(special)


def _pair(entry: str | Sequence[str]) -> tuple[str, str]:
    left, right = entry.split(" ") if isinstance(entry, str) else entry
    return left, right
