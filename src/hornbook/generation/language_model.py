"""LanguageModel: a model and its tokenizer, from text to text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import PackedBatch, as_ids
from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.generation.classification import Classification
from hornbook.generation.config import GenerationConfig
from hornbook.generation.generate import Generation, TextGenerator
from hornbook.generation.step import FinishReason, Step
from hornbook.generation.text import with_text
from hornbook.loading import check_finite, load_model, save_model
from hornbook.models import Classifier, Decoder, Encoder, ModelConfig
from hornbook.tensor import no_grad
from hornbook.tokenizer import AnyTokenizer, Specials

__all__ = ["Completion", "LanguageModel", "Prompt", "load"]

Prompt: TypeAlias = str | Sequence[int] | NDArray[Any]
"""A text, or its ids."""


@dataclass(frozen=True)
class Completion:
    """A continued text.

    Attributes:
        prompt: what was given, as text.
        text: the continuation, without the prompt.
        prompt_ids: the prompt's tokens.
        ids: the continuation's tokens.
        finish_reason: "stop" at an end-of-text token, "length" at max_new_tokens or the model's limit.
    """

    prompt: str
    text: str
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    finish_reason: FinishReason


class LanguageModel:
    """A decoder and its tokenizer, from text to text; `hornbook.load` makes one of a name.

    Args:
        model: any decoder.
        tokenizer: what turns texts into its ids; without one there are still `logits`.
        generation_config: what applies where `generate` is not told otherwise; None for the defaults of
            `GenerationConfig`.
        name: what `repr` calls it; None for the class of the model.
        source: what messages call it; None for its name.

    Attributes:
        model: the decoder.
        generation_config: see above.
        name: what the model was loaded by.
        source: its folder, where it has one.

    Raises:
        ConfigError: the model only encodes.

    Example:
        >>> from hornbook import GPT2, CharTokenizer, GPT2Config
        >>> config = GPT2Config(vocab_size=130, n_positions=32, n_embd=8, n_layer=1, n_head=2)
        >>> lm = LanguageModel(GPT2(config, seed=0), CharTokenizer(128))
        >>> len(lm.complete("once", max_new_tokens=5).ids)
        5
    """

    def __init__(
        self,
        model: Encoder,
        tokenizer: AnyTokenizer | None = None,
        *,
        generation_config: GenerationConfig | None = None,
        name: str | None = None,
        source: str | None = None,
    ) -> None:
        if not isinstance(model, Decoder):
            raise ConfigError(f"LanguageModel: {type(model).__name__} only encodes; it cannot generate")
        self.model: Decoder = model
        self.name = type(model).__name__ if name is None else name
        self.source = self.name if source is None else source
        self._tokenizer = tokenizer
        self.generation_config = generation_config or GenerationConfig()

    @property
    def config(self) -> ModelConfig:
        """The model's shape."""
        config: ModelConfig = self.model.config
        return config

    @property
    def tokenizer(self) -> AnyTokenizer:
        """The tokenizer that belongs to the model. Raises ModelFormatError where there is none."""
        if self._tokenizer is None:
            raise ModelFormatError(
                f"{self.source}: no tokenizer files beside the model; "
                "give one: LanguageModel(model, tokenizer)"
            )
        return self._tokenizer

    def __repr__(self) -> str:
        return f"LanguageModel({self.name!r}, {self.model!r}, {self._tokenizer!r})"

    def generate(
        self,
        prompt: Prompt,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> str:
        """Continues a text. Where an option is None, `generation_config` holds.

        Args:
            prompt: the beginning, as text or as ids; an empty one stands for the beginning of a text.
                `<|endoftext|>` in it is ordinary text unless `allowed_special` names it.
            max_new_tokens: stop after so many tokens.
            temperature: 0 always takes the likeliest token.
            top_k: draw from the k likeliest.
            top_p: draw from the likeliest that reach probability p together.
            seed: the same seed gives the same text.
            options: the other attributes of `GenerationConfig`, and how text becomes ids and ids become text:
                `add_special_tokens` and `allowed_special` of `Tokenizer.encode`, `skip_special_tokens` of
                `Tokenizer.decode`.

        Returns:
            The continuation, without the prompt.

        Raises:
            ContextLengthError: the prompt leaves no room.
            ConfigError: an option is out of range.
            TypeError: the prompt is neither text nor ids.

        Example:
            >>> import hornbook
            >>> lm = hornbook.load("tiny-lm")
            >>> text = lm.generate("Once upon a time", max_new_tokens=8, seed=0)
        """
        sampling: dict[str, Any] = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        }
        return self.complete(prompt, **sampling, **options).text

    def stream(
        self,
        prompt: Prompt,
        *,
        add_special_tokens: bool | None = None,
        allowed_special: Specials = (),
        skip_special_tokens: bool = False,
        **options: Any,
    ) -> Iterator[Step]:
        """As `generate`, but yields tokens and text as they come; characters are never cut.

        Errors in the arguments are raised at once. The last step says why the text ended.
        """
        steps = self._steps(self._prompt_ids(prompt, add_special_tokens, allowed_special), options)
        return with_text(steps, self.tokenizer.decode_stream(skip_special_tokens=skip_special_tokens))

    def complete(
        self,
        prompt: Prompt,
        *,
        add_special_tokens: bool | None = None,
        allowed_special: Specials = (),
        skip_special_tokens: bool = False,
        **options: Any,
    ) -> Completion:
        """As `generate`, but returns tokens and finish reason as well."""
        prompt_ids = self._prompt_ids(prompt, add_special_tokens, allowed_special)
        generation = Generation.of(prompt_ids, self._steps(prompt_ids, options))
        return Completion(
            prompt=prompt if isinstance(prompt, str) else self.tokenizer.decode(prompt_ids),
            text=self.tokenizer.decode(generation.new_ids, skip_special_tokens=skip_special_tokens),
            prompt_ids=generation.prompt_ids,
            ids=generation.new_ids,
            finish_reason=generation.finish_reason,
        )

    def classify(
        self, text: str, *, add_special_tokens: bool | None = None, allowed_special: Specials = ()
    ) -> Classification:
        """The class of a text, by a model that was trained for that (`GPT2ForSequenceClassification`).

        Args:
            text: all of it; two texts are often joined by `<|endoftext|>`, see `allowed_special`.
            add_special_tokens: see `Tokenizer.encode`.
            allowed_special: see `Tokenizer.encode`.

        Raises:
            ConfigError: the model does not classify.
            ContextLengthError: the text has more tokens than the model takes.
            TypeError: it is not a str.
        """
        if not isinstance(self.model, Classifier):
            raise ConfigError(f"classify: {self.name} has no layer that classifies; generate, or embed texts")
        batch = PackedBatch.pack([self._prompt_ids(text, add_special_tokens, allowed_special)])
        with no_grad():
            logits = self.model.classify(batch).numpy()[0]
        return Classification(self.model.labels, check_finite(logits, source=self.source, what="the logits"))

    def logits(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """What the model says comes next, after every token.

        Args:
            ids: one sequence, `[T]`.

        Returns:
            float32 `[T, vocab_size]`.

        Raises:
            ShapeError: ids are not one sequence of integers of the vocabulary.
            ContextLengthError: there are more than n_positions.
            ModelFormatError: a number is not finite.
        """
        batch = PackedBatch.pack([as_ids(ids, ndims=(1,))])
        with no_grad():
            logits = self.model.logits(self.model.encode(batch)).numpy()
        return check_finite(logits, source=self.source, what="the logits")

    def save(self, folder: str | Path) -> None:
        """Writes a folder that `hornbook.load` and transformers read.

        Raises:
            OSError: the folder cannot be written.
            ConfigError: the weights were rounded when they were loaded.
        """
        save_model(folder, self.model, self._tokenizer, generation_config=self.generation_config.to_dict())

    def _prompt_ids(
        self, prompt: Prompt, add_special_tokens: bool | None, allowed_special: Specials
    ) -> list[int]:
        """The tokens of a prompt; an empty one is the token that begins a text."""
        if isinstance(prompt, str):
            usual = {} if add_special_tokens is None else {"add_special_tokens": add_special_tokens}
            ids = self.tokenizer.encode(prompt, allowed_special=allowed_special, **usual)
        elif isinstance(prompt, bytes) or not isinstance(prompt, Sequence | np.ndarray):
            raise TypeError(f"generate: the prompt must be text or ids, got {type(prompt).__name__}")
        else:
            ids = as_ids([*prompt], ndims=(1,)).tolist()
        if ids:
            return ids
        if self.tokenizer.bos_token_id is None:
            raise ConfigError("generate: the prompt is empty, and the model has no token that begins a text")
        return [self.tokenizer.bos_token_id]

    def _steps(self, prompt_ids: list[int], options: dict[str, Any]) -> Iterator[Step]:
        settings = self.generation_config.override(**options)
        end = self.tokenizer.eos_token_id
        if settings.eos_token_ids is None and not self.config.eos_token_ids and end is not None:
            settings = settings.override(eos_token_ids=(end,))
        vocab_size = min(self.tokenizer.vocab_size, self.config.vocab_size)
        return TextGenerator(self.model, vocab_size=vocab_size, source=self.source).stream(
            prompt_ids, settings
        )


def load(
    name_or_folder: str | Path = DEFAULT_LANGUAGE_MODEL,
    dtype: str = "float32",
    revision: str | None = None,
    *,
    allow_nonfinite: bool = False,
) -> LanguageModel:
    """Loads a language model.

    Args:
        name_or_folder: a built-in model (`tiny-lm`), a folder, or a repository of the Hugging Face Hub
            such as `openai-community/gpt2`, which is downloaded at its first use.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8".
        revision: branch, tag or commit of a repository.
        allow_nonfinite: load weights although some are NaN or infinite, to look at them.

    Raises:
        ModelFormatError: a file is damaged or does not fit the configuration, or a weight is not finite.
        TokenizerError: the tokenizer's files are damaged, or ask for what is not supported.
        ConfigError: the configuration is of no known family, or an argument is out of range.
        DownloadError: the repository is not cached and cannot be downloaded.
    """
    loaded = load_model(name_or_folder, dtype=dtype, revision=revision, allow_nonfinite=allow_nonfinite)
    generation_config = GenerationConfig.from_dict(
        loaded.generation_config, source=str(loaded.bundle.generation_config_path)
    )
    return LanguageModel(
        loaded.model,
        loaded.tokenizer,
        generation_config=generation_config,
        name=loaded.name,
        source=str(loaded.bundle.folder),
    )
