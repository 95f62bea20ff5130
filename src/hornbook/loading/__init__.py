"""From a name to a model and back; knows no family of models.

`find.py` makes a folder of a name, `load.py` a model of a folder, `save.py` a folder of a model,
`convert.py` a folder of a checkpoint that another program wrote.
"""

from hornbook.loading.convert import convert_model
from hornbook.loading.find import find_model
from hornbook.loading.finite import check_finite
from hornbook.loading.load import LoadedModel, load_model, read_config, read_tokenizer
from hornbook.loading.save import save_model

__all__ = [
    "LoadedModel",
    "check_finite",
    "convert_model",
    "find_model",
    "load_model",
    "read_config",
    "read_tokenizer",
    "save_model",
]
