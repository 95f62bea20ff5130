"""The checked reading of a tokenizer.json, the single-file format of Hugging Face's tokenizers.

A file describes the steps of a `Pipeline`: added tokens are found, the text between them is normalized,
divided into words, turned into ids by a model, and put between special tokens; a decoder goes the other way.
A setting that is not supported is named in an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.tokenizer.files.model_builders import ByteLevelWords, build_model, model_vocabulary
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.pipeline import Pipeline, Truncation
from hornbook.tokenizer.steps.added_tokens import read_added_tokens
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.decoders import SPACED, build_decoder
from hornbook.tokenizer.steps.normalizers import build_normalizer
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, build_pre_tokenizer, put_space
from hornbook.tokenizer.steps.templates import PLAIN, build_template
from hornbook.tokenizer.unicode.named_patterns import family_of
from hornbook.tokenizer.unicode.patterns import Pattern, pattern_named

__all__ = ["build_pipeline"]


def build_pipeline(document: Any, source: str) -> Pipeline:
    """The pipeline that a tokenizer.json describes.

    Args:
        document: the content of the file.
        source: its name, for messages.

    Raises:
        TokenizerError: it is damaged, or has a setting that is not supported.
    """
    content = JsonObject(document, source)
    model = content.object("model")
    vocabulary = model_vocabulary(model)
    entries = content.objects("added_tokens")
    n_tokens = max(len(vocabulary.ids), len(vocabulary.spellings))
    added = read_added_tokens(entries, vocabulary.ids, n_tokens)
    tokens = {**vocabulary.ids, **{token.content: token.id for token in added}}
    normalizer, template, decoder = map(content.optional, ("normalizer", "post_processor", "decoder"))
    steps = list(_steps(content.optional("pre_tokenizer")))
    ending = _byte_level_ending(steps)
    built = build_model(model, vocabulary.ids, added, None if ending is None else ending.words)
    return Pipeline(
        kind=built.kind,
        family=_family(steps, ending),
        tokens=tokens,
        model_spellings=vocabulary.spellings,
        added=added,
        normalizer=None if normalizer is None else build_normalizer(normalizer),
        pre_tokenizers=ending.before if built.takes_bytes and ending else _built(steps),
        model=built.model,
        unknown=built.unknown,
        template=PLAIN if template is None else build_template(template, tokens),
        decoder=SPACED if decoder is None else build_decoder(decoder),
        truncation=_truncation(content.optional("truncation")),
        pad_token=_pad_token(content.optional("padding"), tokens),
    )


@dataclass(frozen=True)
class ByteLevelEnding:
    """Pre-tokenizers of which ByteLevel is the last.

    Attributes:
        before: those that remain if a model takes over ByteLevel and the pattern before it.
        words: what the model takes over.
    """

    before: Sequence[PreTokenizer]
    words: ByteLevelWords


def _byte_level_ending(steps: Sequence[JsonObject]) -> ByteLevelEnding | None:
    if not steps or steps[-1].value("type") != "ByteLevel":
        return None
    *before, byte_level = steps
    has_prefix = byte_level.flag("add_prefix_space", True)
    pattern: Pattern | None = "gpt2" if byte_level.flag("use_regex", True) else None
    if pattern is None and not has_prefix and before:
        pattern = _isolating_pattern(before[-1])
        before = before if pattern is None else before[:-1]
    prefix: list[PreTokenizer] = [_prefix_space] if has_prefix else []
    return ByteLevelEnding([*_built(before), *prefix], ByteLevelWords(pattern))


def _family(steps: Sequence[JsonObject], ending: ByteLevelEnding | None) -> str | None:
    """The name of the patterns of a byte-level tokenizer, if they are well known."""
    if ending is None or ending.words.pattern is not None:
        return None if ending is None else ending.words.pattern
    splits = [step.value("pattern") for step in steps if step.value("type") == "Split"]
    return family_of(tuple(each.get("Regex", "") for each in splits if isinstance(each, dict)))


def _built(steps: Iterable[JsonObject]) -> list[PreTokenizer]:
    return [build_pre_tokenizer(step) for step in steps]


def _steps(settings: JsonObject | None) -> Iterable[JsonObject]:
    """Pre-tokenizers in the order in which they are applied, sequences flattened."""
    if settings is None:
        return
    if settings.value("type") != "Sequence":
        yield settings
        return
    for step in settings.objects("pretokenizers"):
        yield from _steps(step)


def _isolating_pattern(settings: JsonObject) -> Pattern | None:
    """The pattern of a Split that isolates every word, if it is a known one."""
    if settings.value("type") != "Split" or not isinstance(settings.value("pattern"), dict):
        return None
    expression = settings.object("pattern").value("Regex")
    keeps = (settings.value("behavior"), settings.value("invert", False))
    isolates = keeps in (("Isolated", False), ("Removed", True))
    return pattern_named(expression) if isolates and isinstance(expression, str) else None


def _prefix_space(aligned: AlignedText) -> list[AlignedText]:
    return [aligned if aligned.text.startswith(" ") else put_space(aligned)]


def _truncation(settings: JsonObject | None) -> Truncation | None:
    if settings is None:
        return None
    is_left = settings.value("direction") == "Left"
    return Truncation(
        settings.integer("max_length"), "left" if is_left else "right", settings.integer("stride", 0)
    )


def _pad_token(settings: JsonObject | None, tokens: Mapping[str, int]) -> str | None:
    """The token of the padding; its other settings are for batches with padding, which are not made here."""
    token = None if settings is None else settings.value("pad_token")
    return token if isinstance(token, str) and token in tokens else None
