"""Text to ids and back: characters for teaching, byte-level BPE for GPT-2.

Start with `char` (a tokenizer in a dozen lines), then `bpe`, which walks through `special` (tokens in text),
`byte_pairs`, `patterns` (text to words) and `merging` (bytes to tokens). `vocabulary` and `tokenizer_json`
read the files.
"""

from hornbook.tokenizer.batch import EncodedBatch
from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.char import CharTokenizer
from hornbook.tokenizer.protocol import Tokenizer
from hornbook.tokenizer.streaming import DecodeStream

__all__ = ["BPETokenizer", "CharTokenizer", "DecodeStream", "EncodedBatch", "Tokenizer"]
