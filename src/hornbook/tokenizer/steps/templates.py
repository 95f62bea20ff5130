"""The tokens put around texts, such as [CLS] and [SEP]: the post-processors of a tokenizer.json.

A post-processor is run once, when the file is read, on symbols for the texts: the result is a template. Each
sequence is a tuple of items; post-processors take a list of sequences and give another, whose sequences are
joined at the end.

Source: the processors of https://github.com/huggingface/tokenizers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.encoded_batch import Layout
from hornbook.tokenizer.json_object import JsonObject

__all__ = ["PLAIN", "Template", "TemplateItem", "TemplateItems", "build_template"]

TemplateItem: TypeAlias = tuple[Literal["A", "B"] | tuple[int, ...], int]
"""The first text, the second, or the ids of special tokens; and their token type."""

TemplateItems: TypeAlias = tuple[TemplateItem, ...]

Sequences: TypeAlias = list[TemplateItems]
Processor: TypeAlias = Callable[[Sequences, bool], Sequences]
"""From sequences, and whether special tokens are added, to sequences."""

A: TemplateItem = ("A", 0)
B: TemplateItem = ("B", 1)


@dataclass(frozen=True)
class Template:
    """What a sequence of one text, or of two, consists of.

    Attributes:
        single: the items of one text; None if the post-processor cannot take one.
        bare_single: the items of one text without special tokens.
        pair: the items of two texts; None if the post-processor cannot take two.
        bare_pair: the items of two texts without special tokens.
        trims: passes of trimming white space from the spans of tokens. A pass says whether a space was put
            before the text: trimming spares it, as it is not in the source.
    """

    single: TemplateItems | None = (A,)
    bare_single: TemplateItems | None = (A,)
    pair: TemplateItems | None = (A, B)
    bare_pair: TemplateItems | None = (A, B)
    trims: tuple[bool, ...] = ()

    def layout(self, adds_special: bool) -> Layout:
        """The template of one text, with special tokens or without.

        Raises:
            TokenizerError: the post-processor cannot take one text.
        """
        items = self.single if adds_special else self.bare_single
        if items is None:
            raise TokenizerError("encode: the tokenizer's post-processor does not take one text")
        return tuple(None if isinstance(item, str) else item for item, _ in items)


PLAIN = Template()
"""No special tokens."""


def build_template(settings: JsonObject, tokens: Mapping[str, int]) -> Template:
    """The template that a file describes.

    Args:
        settings: the post-processor.
        tokens: all tokens to their ids.

    Raises:
        TokenizerError: a type or a token is unknown, or a setting is damaged.
    """
    steps = list(_flattened(settings))
    processors = [processor for step in steps if (processor := _processor(step, tokens)) is not None]
    single, bare_single = (_applied(processors, [(A,)], adds_special) for adds_special in (True, False))
    trims = [
        step.flag("add_prefix_space", True)
        for step in steps
        if step.value("type") in TRIMMING and step.flag("trim_offsets", True)
    ]
    pair, bare_pair = (_applied(processors, [(A,), (B,)], adds_special) for adds_special in (True, False))
    return Template(single, bare_single, pair, bare_pair, tuple(trims))


def _flattened(settings: JsonObject) -> Sequence[JsonObject]:
    """Post-processors in the order in which they are applied, sequences flattened."""
    if settings.value("type") != "Sequence":
        return [settings]
    return [each for step in settings.objects("processors") for each in _flattened(step)]


def _applied(processors: Sequence[Processor], texts: Sequences, adds_special: bool) -> TemplateItems | None:
    """The sequence of these texts; None if a template gets another number of sequences than one or two."""
    sequences = texts
    try:
        for process in processors:
            sequences = process(sequences, adds_special)
    except IndexError:
        return None
    return tuple(item for sequence in sequences for item in sequence)


def _processor(settings: JsonObject, tokens: Mapping[str, int]) -> Processor | None:
    kind = settings.choice("type", ("BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"))
    if kind == "ByteLevel":
        return None
    if kind == "TemplateProcessing":
        return _template(settings)
    begin, end = _named(settings, "cls"), _named(settings, "sep")
    return _bert(begin, end) if kind == "BertProcessing" else _roberta(begin, end)


def _named(settings: JsonObject, key: str) -> tuple[int, ...]:
    """A token that is given with its id: ["[CLS]", 101]."""
    match settings.value(key):
        case [str(), int(token_id)] if token_id >= 0:
            return (token_id,)
        case other:
            raise settings.error(key, f"must be a token and its id, got {brief(other)}")


def _bert(begin: tuple[int, ...], end: tuple[int, ...]) -> Processor:
    def process(sequences: Sequences, adds_special: bool) -> Sequences:
        if not adds_special:
            return sequences
        firsts = [((begin, 0), *first, (end, 0)) for first in sequences[:1]]
        return [*firsts, *((*other, (end, 1)) for other in sequences[1:])]

    return process


def _roberta(begin: tuple[int, ...], end: tuple[int, ...]) -> Processor:
    def process(sequences: Sequences, adds_special: bool) -> Sequences:
        if not adds_special:
            return [_typed(sequence, 0) for sequence in sequences]
        starts = [begin, *[end] * len(sequences)][: len(sequences)]
        return [
            ((start, 0), *_typed(sequence, 0), (end, 0))
            for start, sequence in zip(starts, sequences, strict=True)
        ]

    return process


def _typed(sequence: TemplateItems, type_id: int) -> TemplateItems:
    return tuple((item, type_id) for item, _ in sequence)


def _template(settings: JsonObject) -> Processor:
    special = _special_tokens(settings)
    templates = [_items(settings.objects(key), special) for key in ("single", "pair")]

    def process(sequences: Sequences, adds_special: bool) -> Sequences:
        if not sequences:
            raise IndexError("no sequence")
        given = {"A": sequences[0], "B": sequences[1] if len(sequences) > 1 else None}
        result: Sequences = []
        for item, type_id in templates[len(sequences) - 1]:
            if not isinstance(item, str):
                result += [((item, type_id),)] if adds_special else []
            elif (sequence := given[item]) is not None:
                result.append(_typed(sequence, type_id))
            else:
                raise IndexError(item)
        return result

    return process


def _special_tokens(settings: JsonObject) -> dict[str, tuple[int, ...]]:
    special: dict[str, tuple[int, ...]] = {}
    if settings.value("special_tokens") is None:
        return special
    entries = settings.object("special_tokens")
    for name in entries:
        entry = entries.object(name)
        token_ids = entry.items("ids")
        for token_id in token_ids:
            if type(token_id) is not int or token_id < 0:
                raise entry.error("ids", f"must be ids of tokens, got {brief(token_id)}")
        special[name] = tuple(token_ids)
    return special


def _items(entries: Sequence[JsonObject], special: Mapping[str, tuple[int, ...]]) -> TemplateItems:
    return tuple(_item(entry, special) for entry in entries)


def _item(entry: JsonObject, special: Mapping[str, tuple[int, ...]]) -> TemplateItem:
    if entry.value("Sequence") is not None:
        sequence = entry.object("Sequence")
        which: Literal["A", "B"] = "A" if sequence.choice("id", ("A", "B")) == "A" else "B"
        return which, sequence.integer("type_id", 0)
    token = entry.object("SpecialToken")
    name = token.text("id")
    if name not in special:
        raise TokenizerError(f"{token.path}: id: {brief(name)} is not among special_tokens")
    return special[name], token.integer("type_id", 0)


TRIMMING = ("ByteLevel", "RobertaProcessing")
"""The post-processors that trim spans."""
