"""LanguageModel: a model and its tokenizer, from text to text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hornbook.backend import as_ids
from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.errors import ConfigError
from hornbook.generation.config import GenerationConfig
from hornbook.generation.generate import FinishReason, Stream, TextGenerator, collect
from hornbook.generation.text import stream_text
from hornbook.loading import LoadedModel, ModelBacked, load_model, save_model
from hornbook.tensor import no_grad

__all__ = ["Completion", "LanguageModel", "load"]


@dataclass(frozen=True)
class Completion:
    """A continued text.

    Attributes:
        prompt: what was given.
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


class LanguageModel(ModelBacked):
    """Continues texts.

    Made by `hornbook.load`.

    Attributes:
        generation_config: what applies where `generate` is not told otherwise: the model's own
            generation_config.json, else the defaults of `GenerationConfig`.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__(loaded)
        self.generation_config = GenerationConfig.from_dict(
            loaded.generation_config, source=str(loaded.bundle.generation_config_path)
        )

    def generate(
        self,
        prompt: str,
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
            prompt: the beginning; an empty one stands for the beginning of a text. `<|endoftext|>` in it is
                ordinary text.
            max_new_tokens: stop after so many tokens.
            temperature: 0 always takes the likeliest token.
            top_k: draw from the k likeliest.
            top_p: draw from the likeliest that reach probability p together.
            seed: the same seed gives the same text.
            options: the other attributes of `GenerationConfig`.

        Returns:
            The continuation, without the prompt.

        Raises:
            ContextLengthError: the prompt leaves no room.
            ConfigError: an option is out of range.
            TypeError: the prompt is not a str.

        Example:
            >>> import hornbook
            >>> lm = hornbook.load("tiny-lm")
            >>> text = lm.generate("Once upon a time", max_new_tokens=8, seed=0)
        """
        sampling = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        }
        return self.complete(prompt, **sampling, **options).text

    def stream(self, prompt: str, **options: Any) -> Stream[str]:
        """As `generate`, but yields pieces of text as they come; characters are never cut.

        Errors in the arguments are raised at once. The generator returns the finish reason.
        """
        return stream_text(self.stream_ids(prompt, **options), self.tokenizer)

    def stream_ids(self, prompt: str, **options: Any) -> Stream[int]:
        """As `stream`, but yields tokens; `hornbook.generation.text` makes text of them."""
        return self._stream_ids(self._encode_text(prompt), options)

    def complete(self, prompt: str, **options: Any) -> Completion:
        """As `generate`, but returns tokens and finish reason as well."""
        prompt_ids = self._encode_text(prompt)
        ids, finish_reason = collect(self._stream_ids(prompt_ids, options))
        return Completion(prompt, self.tokenizer.decode(ids), tuple(prompt_ids), tuple(ids), finish_reason)

    def logits(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """What the model says comes next, after every token.

        Args:
            ids: one sequence, `[T]`.

        Returns:
            float32 `[T, vocab_size]`.

        Raises:
            ShapeError: ids are not one sequence of integers of the vocabulary.
            ContextLengthError: there are more than n_positions.
        """
        with no_grad():
            return self.model(as_ids(ids, ndims=(1,))).numpy()

    def save(self, folder: str | Path) -> None:
        """Writes a folder that `hornbook.load` and transformers read.

        Raises:
            OSError: the folder cannot be written.
            ConfigError: the weights were rounded when they were loaded.
        """
        if self._loaded.dtype != "float32":
            raise ConfigError(f"save: the weights were rounded to {self._loaded.dtype}; load them in float32")
        tokenizer = self.tokenizer if self._loaded.has_tokenizer else None
        save_model(folder, self.model, tokenizer, generation_config=self._loaded.generation_config)

    def _stream_ids(self, prompt_ids: list[int], options: dict[str, Any]) -> Stream[int]:
        settings = self.generation_config.override(**options)
        end = self.tokenizer.eos_token_id
        if settings.eos_token_ids is None and end is not None:
            settings = settings.override(eos_token_ids=(end,))
        return TextGenerator(self.model, vocab_size=self.tokenizer.vocab_size).stream(prompt_ids, settings)


def load(
    name_or_folder: str | Path = DEFAULT_LANGUAGE_MODEL, dtype: str = "float32", revision: str | None = None
) -> LanguageModel:
    """Loads a language model.

    Args:
        name_or_folder: a built-in model (`tiny-lm`), a folder, or a repository of the Hugging Face Hub
            such as `openai-community/gpt2`, which is downloaded at its first use.
        dtype: how the large matrices are held in memory: "float32", "bfloat16" or "int8".
        revision: branch, tag or commit of a repository.

    Raises:
        ModelFormatError: a file is damaged or does not fit the configuration.
        ConfigError: the configuration is not one of a GPT-2, or an argument is out of range.
        DownloadError: the repository is not cached and cannot be downloaded.
    """
    return LanguageModel(load_model(name_or_folder, dtype=dtype, revision=revision))
