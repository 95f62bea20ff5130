"""Training of tokenizers: texts are counted word by word (`counting`), pairs are merged (`merges`).

Start with `train_bpe`. `texts` reads corpora of any size from files and folders. Memory is taken by each
different word, some 150 bytes and 40 for each of its bytes, and by about a megabyte of text.
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
