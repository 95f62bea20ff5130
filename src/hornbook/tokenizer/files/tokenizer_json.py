"""The checked reading of a tokenizer.json, the single-file format of Hugging Face's tokenizers.

A file describes the steps of a `Pipeline`: added tokens are found, the text between them is normalized,
divided into words, turned into ids by a model, and put between special tokens; a decoder goes the other way.
A setting that is not supported is named in an error.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hornbook.tokenizer.files.model_builders import ByteLevelSettings, build_model
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.pipeline import Pipeline, Truncation
from hornbook.tokenizer.steps.added_tokens import read_added_tokens
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.decoders import build_decoder, spaced
from hornbook.tokenizer.steps.normalizers import build_normalizer, prepend
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, build_pre_tokenizer
from hornbook.tokenizer.steps.templates import PLAIN, build_template
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
    content.value("version")
    added = read_added_tokens(content.objects("added_tokens"))
    normalizer = content.optional("normalizer")
    normalize = None if normalizer is None else build_normalizer(normalizer)
    pre_tokenizers, byte_level = _pre_tokenizers(content.optional("pre_tokenizer"))
    built = build_model(content.object("model"), added, byte_level)
    template, decoder = content.optional("post_processor"), content.optional("decoder")
    pipeline = Pipeline(
        kind=built.kind,
        tokens=built.tokens,
        added=added,
        normalizer=normalize,
        pre_tokenizers=pre_tokenizers,
        model=built.model,
        unknown=built.unknown,
        template=PLAIN if template is None else build_template(template, built.tokens),
        decoder=spaced if decoder is None else build_decoder(decoder),
        pieces=built.pieces if decoder is not None and decoder.value("type") == "ByteLevel" else None,
        truncation=_truncation(content.optional("truncation")),
        pad_token=_pad_token(content.optional("padding"), built.tokens),
    )
    content.close()
    return pipeline


def _pre_tokenizers(settings: JsonObject | None) -> tuple[list[PreTokenizer], ByteLevelSettings | None]:
    """What divides text into words; ByteLevel, which must be last, and a known pattern go to the model."""
    steps = list(_steps(settings))
    if not steps or steps[-1].value("type") != "ByteLevel":
        return [build_pre_tokenizer(step) for step in steps], None
    byte_level = steps.pop()
    byte_level.text("type")
    has_prefix = byte_level.flag("add_prefix_space", True)
    byte_level.flag("trim_offsets", True)  # its post-processor's business
    pattern: Pattern | None = "gpt2" if byte_level.flag("use_regex", True) else None
    byte_level.close()
    if pattern is None and not has_prefix and steps and (pattern := _whole_pattern(steps[-1])) is not None:
        steps.pop()
    before = [build_pre_tokenizer(step) for step in steps]
    return [*before, _prefix_space] if has_prefix else before, ByteLevelSettings(pattern)


def _steps(settings: JsonObject | None) -> Iterable[JsonObject]:
    """Pre-tokenizers in the order in which they are applied, sequences flattened."""
    if settings is None:
        return
    if settings.value("type") != "Sequence":
        yield settings
        return
    for step in settings.objects("pretokenizers"):
        yield from _steps(step)
    settings.close()


def _whole_pattern(settings: JsonObject) -> Pattern | None:
    """The pattern of a Split that isolates every word, if it is a known one."""
    if settings.value("type") != "Split" or not isinstance(settings.value("pattern"), dict):
        return None
    expression = settings.object("pattern").value("Regex")
    keeps = (settings.value("behavior"), settings.value("invert", False))
    is_whole = keeps in (("Isolated", False), ("Removed", True))
    return pattern_named(expression) if is_whole and isinstance(expression, str) else None


_put_space = prepend(" ")


def _prefix_space(part: AlignedText) -> list[AlignedText]:
    return [part if part.text.startswith(" ") else _put_space(part)]


def _truncation(settings: JsonObject | None) -> Truncation | None:
    if settings is None:
        return None
    direction = settings.choice("direction", ("Left", "Right"), "Right")
    settings.choice("strategy", ("LongestFirst", "OnlyFirst", "OnlySecond"), "LongestFirst")
    truncation = Truncation(
        settings.integer("max_length"),
        "left" if direction == "Left" else "right",
        settings.integer("stride", 0),
    )
    settings.close()
    return truncation


def _pad_token(settings: JsonObject | None, tokens: Mapping[str, int]) -> str | None:
    """The token of the padding; its other settings are for batches with padding, which are not made here."""
    if settings is None:
        return None
    for key in ("strategy", "direction", "pad_to_multiple_of", "pad_type_id"):
        settings.value(key)
    token, token_id = settings.text("pad_token"), settings.integer("pad_id")
    if tokens.get(token) != token_id:
        raise settings.error("pad_token", f"{token!r} does not have the id {token_id}")
    settings.close()
    return token
