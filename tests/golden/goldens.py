"""What the golden scripts share: files that come out the same every time, and a record of what made them."""

import io
import json
import platform
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "write_json", "write_npz", "write_versions"]

Arrays = dict[str, NDArray[Any]]

PACKAGES = ("numpy", "safetensors", "tokenizers", "torch", "transformers")
# The earliest date that a zip entry can carry: `np.savez` would write the time of the run.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes what `np.load` reads, with sorted keys, fixed dates, no compression: same arrays, same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", ZIP_EPOCH), content.getvalue())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes indented JSON with sorted keys and a final line end."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_versions(path: Path, **settings: Any) -> None:
    """Records the Python and package versions of this run beside the script's own `settings`."""
    versions = {name: version(name) for name in PACKAGES}
    write_json(path, {"versions": {"python": platform.python_version(), **versions}, **settings})
