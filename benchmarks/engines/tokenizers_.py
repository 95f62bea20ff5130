"""tokenizers of Hugging Face, with the byte-level BPE of the same files."""

from benchmarks.engines.tokens import Ids, Tokens
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel


class Lists(Tokens):
    """Encodes into a list."""

    PACKAGES = ("tokenizers",)

    def __init__(self, vocab: str, merges: str, text: str, n_bytes: int) -> None:
        super().__init__(text, n_bytes)
        self.tokenizer = Tokenizer(BPE.from_file(vocab, merges))
        self.tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)

    def ids(self) -> Ids:
        """By the quicker of its methods, which does not find out where in the text tokens are."""
        (encoding,) = self.tokenizer.encode_batch_fast([self.text])
        ids: list[int] = encoding.ids
        return ids
