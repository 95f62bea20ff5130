"""Hornbook: GPT-2 from first principles.

    import hornbook

    lm = hornbook.load("tiny-lm")                # or a folder, or openai-community/gpt2
    print(lm.generate("Once upon a time"))

    embedder = hornbook.Embedder("tiny-lm")
    vectors = embedder.encode(["The cat sleeps.", "A cat is resting."])

Where to read: `models/gpt2.py` is the model, `nn` its layers, `tensor` the gradients, `backend` the
operations, `tokenizer` the way from text to numbers, `generation` and `embedding` what one does with it all.
"""

from hornbook import similarity
from hornbook.embedding import Embedder, Explanation, Match, explain
from hornbook.errors import HornbookError
from hornbook.generation import Completion, Generation, GenerationConfig, LanguageModel, TextGenerator, load
from hornbook.hub import HubApi, ModelBundle
from hornbook.models import GPT2, GPT2Config
from hornbook.tensor import Tensor
from hornbook.tokenizer import BPETokenizer, CharTokenizer

__all__ = [
    "GPT2",
    "BPETokenizer",
    "CharTokenizer",
    "Completion",
    "Embedder",
    "Explanation",
    "GPT2Config",
    "Generation",
    "GenerationConfig",
    "HornbookError",
    "HubApi",
    "LanguageModel",
    "Match",
    "ModelBundle",
    "Tensor",
    "TextGenerator",
    "__version__",
    "explain",
    "load",
    "similarity",
]

__version__ = "0.1.0"
