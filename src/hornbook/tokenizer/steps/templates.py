"""The tokens put around texts, such as [CLS] and [SEP]: the post-processors of a tokenizer.json.

Source: the processors of https://github.com/huggingface/tokenizers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.json_object import JsonObject

__all__ = ["PLAIN", "Template", "TemplateItem", "TemplateItems", "build_template"]

TemplateItem: TypeAlias = tuple[Literal["A", "B"] | tuple[int, ...], int]
"""The first text, the second, or special tokens; and their token type."""

TemplateItems: TypeAlias = tuple[TemplateItem, ...]


@dataclass(frozen=True)
class Template:
    """What a sequence of one text, or of two, consists of.

    Attributes:
        single: the items of one text.
        pair: the items of two.
        trims: whether the spans of tokens exclude white space at their ends.
        keeps_prefix: whether a space was put before the text: trimming spares it, as it is not in the source.
    """

    single: TemplateItems = (("A", 0),)
    pair: TemplateItems = (("A", 0), ("B", 1))
    trims: bool = False
    keeps_prefix: bool = False

    def sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The special tokens before and after a single text."""
        index = [item for item, _ in self.single].index("A")
        return _ids(self.single[:index]), _ids(self.single[index + 1 :])


PLAIN = Template()
"""No special tokens."""


def build_template(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    """The template that a file describes.

    Args:
        settings: the post-processor.
        ids: all tokens to their ids.

    Raises:
        TokenizerError: its type or a token is unknown, or a setting is not supported.
    """
    template = BUILDERS[settings.choice("type", BUILDERS)](settings, ids)
    settings.close()
    return template


def _ids(items: TemplateItems) -> tuple[int, ...]:
    return tuple(token_id for item, _ in items for token_id in item if isinstance(token_id, int))


def _byte_level(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    settings.flag("use_regex", True)
    return Template(
        trims=settings.flag("trim_offsets", True), keeps_prefix=settings.flag("add_prefix_space", True)
    )


def _bert(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    begin, end = _named(settings, "cls", ids), _named(settings, "sep", ids)
    return Template(((begin, 0), ("A", 0), (end, 0)), ((begin, 0), ("A", 0), (end, 0), ("B", 1), (end, 1)))


def _roberta(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    begin, end = _named(settings, "cls", ids), _named(settings, "sep", ids)
    single: TemplateItems = ((begin, 0), ("A", 0), (end, 0))
    return replace(_byte_level(settings, ids), single=single, pair=(*single, (end, 0), ("B", 0), (end, 0)))


def _named(settings: JsonObject, key: str, ids: Mapping[str, int]) -> tuple[int, ...]:
    """A token that is given with its id: ["[CLS]", 101]."""
    match settings.value(key):
        case [str(token), int(token_id)] if ids.get(token) == token_id:
            return (token_id,)
        case other:
            raise settings.error(key, f"must be a token of the vocabulary and its id, got {brief(other)}")


def _template(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    special = _special_tokens(settings, set(ids.values()))
    single, pair = (_items(settings.objects(key), special) for key in ("single", "pair"))
    if [item for item, _ in single if isinstance(item, str)] != ["A"]:
        raise settings.error("single", "must have the text A once")
    if sorted(item for item, _ in pair if isinstance(item, str)) not in ([], ["A", "B"]):
        raise settings.error("pair", "must have the texts A and B once each")
    return Template(single, pair or PLAIN.pair)


def _special_tokens(settings: JsonObject, known: set[int]) -> dict[str, tuple[int, ...]]:
    special: dict[str, tuple[int, ...]] = {}
    if settings.value("special_tokens") is None:
        return special
    entries = settings.object("special_tokens")
    for name in entries:
        entry = entries.object(name)
        token_ids = entry.items("ids")
        for token_id in token_ids:
            if type(token_id) is not int or token_id not in known:
                raise entry.error("ids", f"must be ids of tokens, got {brief(token_id)}")
        special[name] = tuple(token_ids)
    return special


def _items(entries: Sequence[JsonObject], special: Mapping[str, tuple[int, ...]]) -> TemplateItems:
    return tuple(_item(entry, special) for entry in entries)


def _item(entry: JsonObject, special: Mapping[str, tuple[int, ...]]) -> TemplateItem:
    if entry.value("Sequence") is not None:
        sequence = entry.object("Sequence")
        which: Literal["A", "B"] = "A" if sequence.choice("id", ("A", "B")) == "A" else "B"
        item: TemplateItem = which, sequence.integer("type_id", 0)
    else:
        sequence = entry.object("SpecialToken")
        token = sequence.text("id")
        if token not in special:
            raise TokenizerError(f"{sequence.path}: id: {brief(token)} is not among special_tokens")
        item = special[token], sequence.integer("type_id", 0)
    sequence.close()
    entry.close()
    return item


def _sequence(settings: JsonObject, ids: Mapping[str, int]) -> Template:
    """Several in turn: at most one adds special tokens, the others trim spans."""
    result = PLAIN
    for step in settings.objects("processors"):
        template = build_template(step, ids)
        if (template.single, template.pair) != (PLAIN.single, PLAIN.pair):
            if (result.single, result.pair) != (PLAIN.single, PLAIN.pair):
                raise settings.error("processors", "must not have two templates")
            result = replace(result, single=template.single, pair=template.pair)
        if template.trims:
            result = replace(result, trims=True, keeps_prefix=template.keeps_prefix)
    return result


BUILDERS: Mapping[str, Callable[[JsonObject, Mapping[str, int]], Template]] = {
    "BertProcessing": _bert,
    "ByteLevel": _byte_level,
    "RobertaProcessing": _roberta,
    "Sequence": _sequence,
    "TemplateProcessing": _template,
}
"""Post-processors by type."""
