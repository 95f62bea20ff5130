"""The house's order: who may import whom, what importing costs, and where nothing dangerous is called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import hornbook
from hornbook.tensor import Tensor

PACKAGE = Path(hornbook.__file__).parent
FOUNDATION = {"errors", "file_kinds", "files", "bfloat16", "machine"}
CORE = FOUNDATION | {"backend", "tensor", "nn", "optim", "models"}
PARTS = CORE | {"tokenizer", "hub", "builtin", "similarity", "loading"}

MAY_IMPORT = {
    "errors": set(),
    "bfloat16": set(),
    "builtin": set(),
    "file_kinds": {"errors"},
    "files": {"errors", "file_kinds"},
    "machine": {"errors"},
    "similarity": {"errors"},
    "tokenizer": FOUNDATION,
    "hub": FOUNDATION,
    "backend": {"errors", "bfloat16", "machine"},
    "tensor": {"errors", "backend"},
    "nn": {"errors", "backend", "tensor"},
    "optim": {"errors", "backend", "tensor", "nn"},
    "models": {"errors", "backend", "tensor", "nn"},
    "loading": CORE | {"tokenizer", "hub", "builtin"},
    "generation": PARTS - {"hub"},
    "embedding": PARTS - {"hub"},
    "cli": PARTS | {"generation", "embedding"},
}
"""Besides itself; the package's own `__init__` and `__main__` stand above all."""

SEE_KERNELS = {"backend", "tokenizer"}
WITHOUT_NUMPY = {"tensor", "nn", "optim", "models"}
THIRD_PARTY = {"numpy", "huggingface_hub", "click", "rich"}
DANGEROUS = {"eval", "exec", "compile", "__import__"}
DANGEROUS_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"}
HEAVY = {"huggingface_hub", "rich", "click", "asyncio", "http.client", "hornbook.cli", "hornbook.hub.client"}

FILES = sorted(PACKAGE.rglob("*.py"))
WITHOUT_NUMPY_FILES = [path for path in FILES if path.relative_to(PACKAGE).parts[0] in WITHOUT_NUMPY]
NDARRAY_ALONE = {name for name in dir(np.ndarray) if not name.startswith("__")} - set(dir(Tensor))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            if module == "hornbook":
                yield from (f"hornbook.{alias.name}" for alias in node.names)
            else:
                yield module


def test_every_part_has_its_place_in_the_table() -> None:
    assert {part_of(path) for path in FILES} - {"__init__", "__main__"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_flow_one_way(path: Path) -> None:
    part = part_of(path)
    allowed = MAY_IMPORT.get(part, MAY_IMPORT.keys()) | {part}
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "hornbook":
            inner = rest.split(".")[0]
            if inner == "_native":
                assert part in SEE_KERNELS, f"{part} imports the compiled module"
            else:
                is_part = inner in MAY_IMPORT
                assert inner in allowed if is_part else part in {"cli", "__main__"}, f"{part} imports {name}"
        else:
            assert top in sys.stdlib_module_names | THIRD_PARTY, f"{path} imports {name}"
            assert top not in DANGEROUS_MODULES, f"{path} imports {name}"
            assert not (top == "numpy" and part in WITHOUT_NUMPY), f"{part} calls NumPy past the backend"


@pytest.mark.parametrize("path", WITHOUT_NUMPY_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrays_belong_to_their_backend(path: Path) -> None:
    """Beside the attributes that tensors have as well, only a backend knows what arrays can do.

    What cannot be seen in the text, such as operators, is in tests/models/test_other_backends.py.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in NDARRAY_ALONE:
            assert _is_backend(node.value), f"{path}:{node.lineno} uses .{node.attr} of an ndarray"


def _is_backend(node: ast.expr) -> bool:
    """`ops` or `get_backend()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "get_backend"
    return isinstance(node, ast.Name) and node.id == "ops"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_evaluated(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in DANGEROUS, f"{path}:{node.lineno} calls {node.func.id}"


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_the_package_is_light() -> None:
    assert not loaded_after("import hornbook") & HEAVY


@pytest.mark.parametrize(
    ("part", "others"),
    [
        ("tensor", {"nn", "models", "hub", "tokenizer", "generation"}),
        ("nn", {"models", "hub", "tokenizer", "generation"}),
        ("hub", {"backend", "tensor", "models", "generation"}),
        ("tokenizer", {"backend", "tensor", "hub", "models"}),
    ],
)
def test_parts_can_be_had_alone(part: str, others: set[str]) -> None:
    loaded = loaded_after(f"import hornbook.{part}")
    assert not loaded & {f"hornbook.{other}" for other in others}


def test_the_model_is_short_enough_to_read() -> None:
    assert len((PACKAGE / "models" / "gpt2.py").read_text().splitlines()) < 200
