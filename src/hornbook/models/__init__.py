"""Models, from the top: `gpt2.py` is the model, `config.py` its shape, `checkpoint.py` its files' names."""

from hornbook.models.checkpoint import gpt2_hub_tensors
from hornbook.models.config import GPT2Config
from hornbook.models.gpt2 import GPT2
from hornbook.models.registry import config_from_dict

__all__ = ["GPT2", "GPT2Config", "config_from_dict", "gpt2_hub_tensors"]
