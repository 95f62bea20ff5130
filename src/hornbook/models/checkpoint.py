"""Between the tensors of a checkpoint and the parameters of a model: what holds for every family.

A family describes its files as a `CheckpointFormat`: which tensors each parameter is made of. Here names and
shapes are checked against that, tensors transposed and joined when read, and taken apart again when written.
"""

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from hornbook.backend import Array, get_backend
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.models.protocols import Encoder, ModelConfig
from hornbook.nn.init import skip_init

__all__ = ["CheckpointFormat", "Source", "StoredParameter"]

Config = TypeVar("Config", bound=ModelConfig)
Model = TypeVar("Model", bound=Encoder)

NOTHING = re.compile(r"(?!)")
NUMBER = re.compile(r"\d+")
WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.)+")
"""What torch.compile and DataParallel put before names."""


@dataclass(frozen=True)
class Source:
    """A tensor of a checkpoint.

    Attributes:
        name: without the family's prefix.
        shape: in the file.
        transposed: whether the parameter has its two axes swapped.
    """

    name: str
    shape: tuple[int, ...]
    transposed: bool = False

    @property
    def width(self) -> int:
        """The size of the last axis that it has in the parameter."""
        return self.shape[0] if self.transposed else self.shape[-1]


@dataclass(frozen=True)
class StoredParameter:
    """A parameter and the tensors that it is stored in.

    Attributes:
        name: in the model.
        sources: one tensor, or several that are joined along the last axis.
    """

    name: str
    sources: tuple[Source, ...]

    @classmethod
    def alone(cls, name: str, *shape: int) -> "StoredParameter":
        """One tensor with the name and shape of the parameter."""
        return cls(name, (Source(name, shape),))


class CheckpointFormat(ABC, Generic[Config]):
    """How one family names and lays out its tensors in files.

    Attributes:
        prefix: written before names, and taken off where it is found.
        buffers: names of constants that are not parameters; they are left out.
        input_embedding: the name of the table whose rows are the vocabulary.
        signature: names that tell the family where config.json does not.
    """

    prefix: ClassVar[str] = ""
    buffers: ClassVar[re.Pattern[str]] = NOTHING
    input_embedding: ClassVar[str]
    signature: ClassVar[frozenset[str]]

    @abstractmethod
    def parameters(self, config: Config) -> Iterable[StoredParameter]:
        """Every parameter of a model, and where it is stored."""

    def settle(self, config: Config, files: dict[str, str], tensors: Mapping[str, Array]) -> Config:
        """Lets the tensors that exist correct the configuration; may change `files`.

        Args:
            config: as config.json has it.
            files: names without prefix, each with its name in the checkpoint.
            tensors: the checkpoint.
        """
        del files, tensors
        return config

    def written_name(self, name: str) -> str:
        """The name of a tensor in the files of transformers."""
        return self.prefix + name

    def read(self, config: Config, tensors: Mapping[str, Array]) -> tuple[Config, dict[str, Array]]:
        """The parameters of a model by their names in it, in float32.

        Args:
            config: what the model must look like.
            tensors: of a checkpoint; no values are read before all names are right.

        Returns:
            The configuration as the tensors have it (see `settle`), and the parameters.

        Raises:
            ModelFormatError: a tensor is missing or of another shape, or there is one of a further layer.
            ConfigError: vocab_size is not the number of rows of the token table.

        Warns:
            UserWarning: there are other tensors, such as those of another head; they are left out.
        """
        files = self.names_in_files(tensors)
        config = self.settle(config, files, tensors)
        parameters = list(self.parameters(config))
        expected = {source.name: source.shape for stored in parameters for source in stored.sources}
        _check_names(expected.keys(), files)
        found = {name: tensors[files[name]] for name in expected}
        self._check_shapes(config, expected, found)
        return config, {stored.name: _joined(stored, found) for stored in parameters}

    def build(
        self, model_class: Callable[[Config], Model], config: Config, tensors: Mapping[str, Array]
    ) -> Model:
        """Makes a model whose parameters are those of a checkpoint.

        Raises:
            ModelFormatError: see `read`.
            ConfigError: see `read`.
        """
        config, state = self.read(config, tensors)
        with skip_init():
            model = model_class(config)
        model.load_state_dict(state)
        return model

    def write(self, config: Config, state: Mapping[str, Array]) -> dict[str, Array]:
        """The tensors of a checkpoint as transformers names them, from a model's `state_dict()`."""
        parts = (part for stored in self.parameters(config) for part in _split(stored, state[stored.name]))
        return {self.written_name(name): array for name, array in parts}

    def recognises(self, names: Iterable[str]) -> bool:
        """Whether tensors with these names are of this family, as far as names tell."""
        return self.signature <= set(self.names_in_files(names))

    def names_in_files(self, names: Iterable[str]) -> dict[str, str]:
        """Names without prefixes, each with its name in the checkpoint; without the buffers."""
        files: dict[str, str] = {}
        for full_name in names:
            name = WRAPPERS.sub("", full_name).removeprefix(self.prefix)
            if name in files:
                raise ModelFormatError(
                    f"tensor {_printable(name)} exists twice, with and without the prefix {self.prefix!r}"
                )
            if not self.buffers.fullmatch(name):
                files[name] = full_name
        return files

    def _check_shapes(
        self, config: Config, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, Array]
    ) -> None:
        table = found[self.input_embedding].shape
        if len(table) == 2 and table[0] != config.vocab_size:
            raise ConfigError(
                f"vocab_size: config says {config.vocab_size}, the token table has {table[0]} rows"
            )
        wrong = [name for name, shape in expected.items() if found[name].shape != shape]
        if wrong:
            details = (f"{name} expects {expected[name]}, got {found[name].shape}" for name in wrong[:5])
            raise ModelFormatError(f"tensors of another shape ({len(wrong)}): {'; '.join(details)}")


def _joined(stored: StoredParameter, tensors: Mapping[str, Array]) -> Array:
    ops = get_backend()
    arrays = [ops.asarray(tensors[source.name], "float32") for source in stored.sources]
    turned = [
        ops.transpose(array, 0, 1) if source.transposed else array
        for source, array in zip(stored.sources, arrays, strict=True)
    ]
    return ops.cat(*turned, axis=-1) if len(turned) > 1 else turned[0]


def _split(stored: StoredParameter, array: Array) -> Iterator[tuple[str, Array]]:
    """The inverse of `_joined`: each tensor with its name."""
    ops = get_backend()
    begin = 0
    for source in stored.sources:
        end = begin + source.width
        part = ops.getitem(array, (..., slice(begin, end))) if len(stored.sources) > 1 else array
        yield source.name, ops.transpose(part, 0, 1) if source.transposed else part
        begin = end


def _check_names(expected: Set[str], files: Mapping[str, str]) -> None:
    """Every parameter must have its tensor; one of a layer too many is of another configuration."""
    missing, unknown = expected - files.keys(), files.keys() - expected
    patterns = {NUMBER.sub("0", name) for name in expected}
    excess = {name for name in unknown if NUMBER.sub("0", name) in patterns}
    for names, what in ((missing, "missing"), (excess, "unknown")):
        if names:
            raise ModelFormatError(
                f"{what} tensors ({len(names)}): {_first(names)}; do configuration and weights fit?"
            )
    if unknown:
        listed = _first({files[name] for name in unknown})
        warnings.warn(f"tensors that are not part of the model ({len(unknown)}): {listed}", stacklevel=2)


def _first(names: Set[str]) -> str:
    """Five of them on one line."""
    shown = map(_printable, sorted(names)[:5])
    return ", ".join(shown) + (", ..." if len(names) > 5 else "")


def _printable(name: str) -> str:
    """A name on one line, whatever characters a file has put into it."""
    return repr(name)[1:-1][:100]
