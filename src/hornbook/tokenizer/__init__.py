"""Text to ids and back: characters for teaching, byte-level BPE for GPT-2.

Start with `char` (a tokenizer in a dozen lines), then `bpe`, which walks through `patterns` (text to
words), `byte_level` (words to bytes) and `merging` (bytes to tokens). `vocabulary` and `tokenizer_json` read
the files.
"""

from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.char import CharTokenizer
from hornbook.tokenizer.protocol import Tokenizer

__all__ = ["BPETokenizer", "CharTokenizer", "Tokenizer"]
