"""Models, from the top: `gpt2.py` is the model, `gpt2_config.py` its shape, `gpt2_checkpoint.py` its files.

`protocols.py` is what everything above asks of a model, `registry.py` the list of families, `checkpoint.py`
and `config.py` what all families share.
"""

from hornbook.models.checkpoint import CheckpointFormat, Source, StoredParameter
from hornbook.models.gpt2 import GPT2
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_classifier import GPT2Classifier, GPT2ClassifierConfig
from hornbook.models.gpt2_config import GPT2Config
from hornbook.models.protocols import Classifier, Decoder, Encoder, ModelConfig, Traceable
from hornbook.models.registry import (
    ARCHITECTURES,
    Architecture,
    architecture_of,
    config_from_dict,
    recognise_architecture,
)

__all__ = [
    "ARCHITECTURES",
    "GPT2",
    "Architecture",
    "CheckpointFormat",
    "Classifier",
    "Decoder",
    "Encoder",
    "GPT2Checkpoint",
    "GPT2Classifier",
    "GPT2ClassifierConfig",
    "GPT2Config",
    "ModelConfig",
    "Source",
    "StoredParameter",
    "Traceable",
    "architecture_of",
    "config_from_dict",
    "recognise_architecture",
]
