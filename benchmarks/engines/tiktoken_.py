"""tiktoken, with ranks from the same files."""

import os

import tiktoken
from benchmarks.engines.tokens import Ids, Tokens
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext.openai_public import r50k_pat_str

os.environ["TIKTOKEN_CACHE_DIR"] = ""  # else it reads copies that it made of the files before


class Lists(Tokens):
    """Encodes into a list."""

    PACKAGES = ("tiktoken",)

    def __init__(self, vocab: str, merges: str, text: str, n_bytes: int) -> None:
        super().__init__(text, n_bytes)
        ranks = data_gym_to_mergeable_bpe_ranks(merges, vocab)
        self.encoding = tiktoken.Encoding(
            "gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={}
        )

    def ids(self) -> Ids:
        """Special tokens are ordinary text."""
        return self.encoding.encode_ordinary(self.text)


class Arrays(Lists):
    """Encodes into an array of NumPy."""

    def ids(self) -> Ids:
        """Special tokens are ordinary text."""
        return self.encoding.encode_to_numpy(self.text, disallowed_special=())
