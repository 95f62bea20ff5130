"""The checked reading of a tokenizer.json, the single-file format of Hugging Face's tokenizers.

A file describes a way from text to ids in steps: added tokens are found, the text between them is normalised,
cut into words, turned into ids by a model, and surrounded with tokens; a decoder goes the other way. What a
file asks for and is not supported here is named in an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hornbook.tokenizer.files.model_builders import ByteLevelSettings, build_model
from hornbook.tokenizer.json_object import Settings
from hornbook.tokenizer.models.word_model import Model
from hornbook.tokenizer.steps.added_tokens import AddedToken, read_added_tokens
from hornbook.tokenizer.steps.aligned_text import Part
from hornbook.tokenizer.steps.decoders import Decoder, build_decoder, spaced
from hornbook.tokenizer.steps.normalizers import Normalizer, build_normalizer, prepend
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, build_pre_tokenizer
from hornbook.tokenizer.steps.templates import PLAIN, Template, build_template
from hornbook.tokenizer.unicode.patterns import Pattern, pattern_named

__all__ = ["Pipeline", "Truncation", "build_pipeline"]


@dataclass(frozen=True)
class Truncation:
    """How long texts may be, according to the file.

    Attributes:
        max_length: the most tokens, with those around the text.
        direction: which end of a longer text is cut off.
        stride: how many tokens two chunks of a longer text share.
    """

    max_length: int
    direction: Literal["left", "right"] = "right"
    stride: int = 0


@dataclass(frozen=True)
class Pipeline:
    """The steps from text to ids and back.

    Attributes:
        tokens: all tokens to their ids, in order of ids from 0 on.
        added: those that are found by their spelling.
        normalizer: what text goes through first, if anything.
        pre_tokenizers: what cuts it into words, one after the other.
        model: words to ids.
        unknown: the token for what is in no other, if there is one.
        template: what goes around a text.
        decoder: tokens to bytes.
        pieces: the bytes of each token, where they are the same wherever it stands.
        truncation: how long texts may be, if the file says so.
        pad_token: what sequences are filled up with, if the file says so.
    """

    tokens: Mapping[str, int]
    added: Sequence[AddedToken]
    normalizer: Normalizer | None
    pre_tokenizers: Sequence[PreTokenizer]
    model: Model
    unknown: str | None
    template: Template
    decoder: Decoder
    pieces: Sequence[bytes] | None
    truncation: Truncation | None
    pad_token: str | None


def build_pipeline(document: Any, source: str) -> Pipeline:
    """The pipeline that a tokenizer.json describes.

    Args:
        document: the content of the file.
        source: its name, for messages.

    Raises:
        TokenizerError: it is damaged, or asks for what is not supported.
    """
    content = Settings(document, source)
    content.value("version")
    added = read_added_tokens(content.objects("added_tokens"))
    normalizer = content.optional("normalizer")
    normalize = None if normalizer is None else build_normalizer(normalizer)
    pre_tokenizers, byte_level = _pre_tokenizers(content.optional("pre_tokenizer"))
    parsed = build_model(content.object("model"), added, byte_level)
    template, decoder = content.optional("post_processor"), content.optional("decoder")
    pipeline = Pipeline(
        tokens=parsed.tokens,
        added=added,
        normalizer=normalize,
        pre_tokenizers=pre_tokenizers,
        model=parsed.model,
        unknown=parsed.unknown,
        template=PLAIN if template is None else build_template(template, parsed.tokens),
        decoder=spaced if decoder is None else build_decoder(decoder),
        pieces=parsed.pieces if decoder is not None and decoder.value("type") == "ByteLevel" else None,
        truncation=_truncation(content.optional("truncation")),
        pad_token=_pad_token(content.optional("padding"), parsed.tokens),
    )
    content.close()
    return pipeline


def _pre_tokenizers(settings: Settings | None) -> tuple[list[PreTokenizer], ByteLevelSettings | None]:
    """What cuts text into words; ByteLevel, which must be the last, and a known pattern go to the model."""
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


def _steps(settings: Settings | None) -> Iterable[Settings]:
    """Pre-tokenizers in the order in which they work, sequences taken apart."""
    if settings is None:
        return
    if settings.value("type") != "Sequence":
        yield settings
        return
    for step in settings.objects("pretokenizers"):
        yield from _steps(step)
    settings.close()


def _whole_pattern(settings: Settings) -> Pattern | None:
    """The pattern of a Split that keeps every word apart, if it is a known one."""
    if settings.value("type") != "Split" or not isinstance(settings.value("pattern"), dict):
        return None
    expression = settings.object("pattern").value("Regex")
    keeps = (settings.value("behavior"), settings.value("invert", False))
    is_whole = keeps in (("Isolated", False), ("Removed", True))
    return pattern_named(expression) if is_whole and isinstance(expression, str) else None


_put_space = prepend(" ")


def _prefix_space(part: Part) -> list[Part]:
    return [part if part.text.startswith(" ") else _put_space(part)]


def _truncation(settings: Settings | None) -> Truncation | None:
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


def _pad_token(settings: Settings | None, tokens: Mapping[str, int]) -> str | None:
    """The token of the padding; how far and at which end is the reader's business, who has no need of it."""
    if settings is None:
        return None
    for key in ("strategy", "direction", "pad_to_multiple_of", "pad_type_id"):
        settings.value(key)
    token, token_id = settings.text("pad_token"), settings.integer("pad_id")
    if tokens.get(token) != token_id:
        raise settings.error("pad_token", f"{token!r} does not have the id {token_id}")
    settings.close()
    return token
