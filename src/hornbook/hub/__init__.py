"""The Hub and its files: downloading, the local cache, safetensors, and the layout of a model folder.

Importing this loads no network code; the Hub's client is imported when something is downloaded.
"""

from hornbook.hub.cache import CachedModel, cache_folder, cached_models, offline_from_environment
from hornbook.hub.download import HubApi
from hornbook.hub.folder import ModelBundle
from hornbook.hub.header import TensorSpec
from hornbook.hub.nonfinite import first_nonfinite
from hornbook.hub.safetensors import TensorFile, open_tensors, save_tensors
from hornbook.hub.torch_file import TorchCheckpoint, read_torch_checkpoint, read_torch_tensors

__all__ = [
    "CachedModel",
    "HubApi",
    "ModelBundle",
    "TensorFile",
    "TensorSpec",
    "TorchCheckpoint",
    "cache_folder",
    "cached_models",
    "first_nonfinite",
    "offline_from_environment",
    "open_tensors",
    "read_torch_checkpoint",
    "read_torch_tensors",
    "save_tensors",
]
