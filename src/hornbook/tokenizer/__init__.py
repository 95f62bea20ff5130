"""Text to ids and back: characters for teaching, byte-level BPE for GPT-2, WordPiece, Unigram and more.

Start with `char`, a tokenizer in a dozen lines, then read `pipeline`, the walk from text to ids. Its steps
are in `steps`, what turns words into ids in `models`, what both need to know about characters in `unicode`.
`files` reads what others have published, `training` makes vocabularies.
"""

from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.char import CharTokenizer
from hornbook.tokenizer.encoded_batch import EncodedBatch
from hornbook.tokenizer.protocol import AnyTokenizer
from hornbook.tokenizer.steps.added_tokens import Specials
from hornbook.tokenizer.streaming import DecodeStream
from hornbook.tokenizer.tokenizer import Tokenizer

__all__ = [
    "AnyTokenizer",
    "BPETokenizer",
    "CharTokenizer",
    "DecodeStream",
    "EncodedBatch",
    "Specials",
    "Tokenizer",
]
