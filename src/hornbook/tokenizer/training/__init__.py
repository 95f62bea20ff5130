"""Training of tokenizers: words are counted (`word_counts`), then pairs of symbols merged (`learn_merges`).

Start with `train_bpe`. `texts` reads corpora of any size from files and folders. Each distinct word takes
some 150 bytes of memory and 40 for each of its bytes; besides, about a megabyte of text is in memory at a
time.
"""

from hornbook.tokenizer.training.progress import Progress, Report
from hornbook.tokenizer.training.sentences import Kind, train_sentence_tokenizer
from hornbook.tokenizer.training.texts import find_tables, read_texts
from hornbook.tokenizer.training.train import train_bpe, train_wordpiece_vocabulary
from hornbook.tokenizer.training.word_counts import suggest_vocab_size

__all__ = [
    "Kind",
    "Progress",
    "Report",
    "find_tables",
    "read_texts",
    "suggest_vocab_size",
    "train_bpe",
    "train_sentence_tokenizer",
    "train_wordpiece_vocabulary",
]
