"""Text from a model, in three layers.

`generate.py` makes ids, `text.py` pieces of text of them, `language_model.py` goes from text to text.
`config.py` is what one can ask for, `logits.py` what that does to the choice of a token, `step.py` what a
stream yields.
"""

from hornbook.generation.classification import Classification
from hornbook.generation.config import GenerationConfig
from hornbook.generation.generate import Generation, TextGenerator
from hornbook.generation.language_model import Completion, LanguageModel, load
from hornbook.generation.step import FinishReason, Step

__all__ = [
    "Classification",
    "Completion",
    "FinishReason",
    "Generation",
    "GenerationConfig",
    "LanguageModel",
    "Step",
    "TextGenerator",
    "load",
]
