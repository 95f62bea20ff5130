"""What generation can be asked for, with the names of transformers."""

import math
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from operator import index
from typing import Any

from hornbook.errors import ConfigError, ModelConfigError

__all__ = ["GenerationConfig"]

LARGEST_SEED = (1 << 64) - 1
INTEGERS = {"max_new_tokens": math.inf, "top_k": math.inf, "seed": LARGEST_SEED}
NUMBERS = {"temperature": math.inf, "top_p": 1, "min_p": 1, "repetition_penalty": math.inf}
"""The settings that are numbers, each with its largest value; the smallest is 0."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "max_length": (20, None),
    "num_beams": (1,),
    "typical_p": (1.0,),
    "epsilon_cutoff": (0.0,),
    "eta_cutoff": (0.0,),
    "no_repeat_ngram_size": (0,),
    "length_penalty": (1.0,),
    "min_new_tokens": (0,),
    "min_length": (0,),
    "num_return_sequences": (1,),
    "guidance_scale": (1.0,),
    "top_h": (),
    "max_time": (),
    "stop_strings": ([],),
    "bad_words_ids": ([],),
    "sequence_bias": ([], {}),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
}
"""Settings of generation_config.json that have no effect here, with the values for which that is right."""


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """How the next tokens are chosen, and when to stop.

    Attributes:
        max_new_tokens: stop after so many.
        temperature: logits are divided by it; 0 always takes the likeliest token (greedy).
        top_k: keep only the k likeliest tokens; 0 keeps all.
        top_p: keep the likeliest tokens until their probabilities reach p; 1 keeps all.
        min_p: drop tokens less likely than min_p times the likeliest; 0 drops none.
        repetition_penalty: logits of tokens that have occurred are divided by it if positive, multiplied
            if negative; 1 changes nothing.
        seed: 0 to 2^64 - 1; the same seed gives the same text. None draws differently each time.
        eos_token_ids: tokens that end the text; None for the one that the model's configuration names.
        file_values: what `from_dict` was given, settings without effect included; `to_dict` gives it back.

    Raises:
        ConfigError: a value out of range.
    """

    max_new_tokens: int = 50
    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    eos_token_ids: tuple[int, ...] | None = None
    file_values: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, largest in INTEGERS.items():
            if name != "seed" or self.seed is not None:
                self._set(name, _integer(name, getattr(self, name), largest))
        for name, largest in NUMBERS.items():
            self._set(name, _number(name, getattr(self, name), largest))
        if self.eos_token_ids is not None:
            ids = (_integer("eos_token_id", token_id, math.inf) for token_id in self.eos_token_ids)
            self._set("eos_token_ids", tuple(ids))
        if self.repetition_penalty == 0:
            raise ConfigError("repetition_penalty: expected more than 0, got 0; 1 switches it off")

    def _set(self, name: str, value: Any) -> None:
        """Numbers of other libraries become Python's."""
        object.__setattr__(self, name, value)

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature == 0

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, source: str = "generation_config.json"
    ) -> "GenerationConfig":
        """Takes over what a generation_config.json says; the rest has the defaults of this class.

        A setting that would change the text but is not known here gives a warning.

        Raises:
            ConfigError: a value out of range.
        """
        for key, neutral in NEUTRAL.items():
            if values.get(key) not in (*neutral, None):
                warnings.warn(f"{source}: {key}={values[key]!r} has no effect here", stacklevel=2)
        try:
            return cls(**_known_settings(values), file_values=dict(values))
        except ConfigError as error:
            raise ModelConfigError(f"{source}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """The content of a generation_config.json: what was read from one, and what has changed since.

        `from_dict` makes the same configuration of it, seed apart.
        """
        before = GenerationConfig(**_known_settings(self.file_values))
        changed = {
            name: getattr(self, name) for name in SETTINGS if getattr(self, name) != getattr(before, name)
        }
        if "eos_token_ids" in changed:
            changed["eos_token_id"] = list(changed.pop("eos_token_ids"))
        if "temperature" in changed:
            changed["do_sample"] = not self.greedy
            if self.greedy:
                del changed["temperature"]  # transformers refuses 0
        return dict(self.file_values) | changed

    def override(self, **options: Any) -> "GenerationConfig":
        """The same configuration with every given option that is not None.

        Raises:
            ConfigError: an unknown option, or a value out of range.
        """
        for name in options:
            if name not in OPTIONS:
                raise ConfigError(f"{name}: no such option; expected one of {', '.join(sorted(OPTIONS))}")
        return replace(self, **{name: value for name, value in options.items() if value is not None})


OPTIONS = {field.name for field in fields(GenerationConfig)} - {"file_values"}
SETTINGS = OPTIONS - {"seed"}


def _known_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a generation_config.json that are taken, by our names."""
    known = SETTINGS - {"eos_token_ids"}
    taken = {key: value for key, value in values.items() if key in known and value is not None}
    do_sample = values.get("do_sample")
    if do_sample not in (True, False, None):
        raise ConfigError(f"do_sample: expected true or false, got {do_sample!r:.50}")
    if do_sample is False:
        taken["temperature"] = 0
    eos = values.get("eos_token_id")
    if eos is not None:
        taken["eos_token_ids"] = tuple(eos) if isinstance(eos, list) else (eos,)
    return taken


def _integer(name: str, value: Any, largest: float) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= value <= largest:
        limit = "or more" if largest == math.inf else f"to {largest}"
        raise ConfigError(f"{name}: expected an integer, 0 {limit}, got {value!r:.50}")
    return index(value)


def _number(name: str, value: Any, largest: float) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if is_number and not isinstance(value, Integral) else value
    if not is_number or not 0 <= number <= min(largest, sys.float_info.max):
        limit = "or more" if largest == math.inf else f"to {largest}"
        raise ConfigError(f"{name}: expected a number, 0 {limit}, got {value!r:.50}")
    return int(number) if isinstance(number, Integral) else number
