"""Text to ids and back: characters for teaching, byte-level BPE for GPT-2, WordPiece, Unigram and more.

Start with `char` (a tokenizer in a dozen lines), then `bpe` and `tokenizer`, which walks through `added`
(tokens in text), `normalizers`, `pretokenizers`, the models (`byte_pairs` with `patterns` and `merging`,
`wordpiece`, `unigram`), `templates` and `decoders`. `tokenizer_json` and `folder` read the files.
"""

from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.char import CharTokenizer
from hornbook.tokenizer.encoded_batch import EncodedBatch
from hornbook.tokenizer.protocol import AnyTokenizer
from hornbook.tokenizer.streaming import DecodeStream
from hornbook.tokenizer.tokenizer import Tokenizer

__all__ = ["AnyTokenizer", "BPETokenizer", "CharTokenizer", "DecodeStream", "EncodedBatch", "Tokenizer"]
