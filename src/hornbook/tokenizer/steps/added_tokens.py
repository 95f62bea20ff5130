"""The tokens that a file lists beside its model's, such as <|endoftext|>: found in text before all else.

Whoever writes the spelling of a special token in a text gets ordinary characters, unless the caller allows
more: so no text from outside can end a document.

Source: `Encoding.encode` of tiktoken, whose arguments `allowed_special` and `disallowed_special` are (there,
all special tokens are disallowed unless something else is said); the added tokens of Hugging Face's
tokenizers.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.json_object import Settings
from hornbook.tokenizer.steps.aligned_text import Part
from hornbook.tokenizer.steps.normalizers import Normalizer
from hornbook.tokenizer.unicode.classes import WORD
from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.patterns import WHITE_SPACE

__all__ = ["AddedToken", "AddedTokens", "Specials", "read_added_tokens"]

Specials: TypeAlias = Collection[str] | Literal["all"]
"""Special tokens by their spelling, or all of them."""

Found: TypeAlias = tuple["AddedToken | None", int, int]
"""A token with its start and stop in a text, None for the text between tokens."""

WORD_CHARACTERS = CodePoints(WORD)
SPACES_AT = re.compile(f"[{WHITE_SPACE}]*")


@dataclass(frozen=True)
class AddedToken:
    """A token that is found by its spelling.

    Attributes:
        content: the spelling.
        id: its number.
        special: whether it is looked for only where the caller allows it.
        single_word: whether it is a token only where no letter or digit is beside it.
        lstrip: whether it takes the white space before it.
        rstrip: whether it takes the white space behind it.
        normalized: whether it is looked for behind the normalizer, in its normalised spelling.
    """

    content: str
    id: int
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


def read_added_tokens(entries: Iterable[Settings]) -> list[AddedToken]:
    """Reads the list of a tokenizer.json.

    Raises:
        TokenizerError: an entry is damaged, or a spelling is given twice.
    """
    tokens: dict[str, AddedToken] = {}
    for entry in entries:
        content = entry.text("content")
        if not content:
            raise entry.error("content", f"must be text, got {brief(content)}")
        if content in tokens:
            raise entry.error("content", f"{brief(content)} is given twice")
        special = entry.flag("special", False)
        flags = {key: entry.flag(key, False) for key in ("single_word", "lstrip", "rstrip")}
        normalized = entry.flag("normalized", not special)
        tokens[content] = AddedToken(
            content, entry.integer("id"), special=special, normalized=normalized, **flags
        )
        entry.close()
    return list(tokens.values())


class AddedTokens:
    """Finds added tokens in text.

    Args:
        tokens: all of them.
        normalize: what text goes through before it is cut into words.
    """

    def __init__(self, tokens: Sequence[AddedToken], normalize: Normalizer | None) -> None:
        self._special = {token.content: token for token in tokens if token.special}
        self._ordinary = {token.content: token for token in tokens if not token.special}
        self._normalize = normalize
        self._finders: dict[tuple[frozenset[str], bool], Finder | None] = {}
        self._refused: dict[frozenset[str], Finder | None] = {}

    def check(self, operation: str, text: str, allowed: Specials, disallowed: Specials) -> frozenset[str]:
        """The special tokens that are looked for.

        Raises:
            TokenizerError: a name is no special token, or a disallowed one is in the text.
        """
        wanted = self._named(operation, "allowed_special", allowed)
        refused = self._named(operation, "disallowed_special", disallowed) - wanted
        if not refused:
            return wanted
        if refused not in self._refused:
            self._refused[refused] = finder_of({name: self._special[name] for name in refused})
        finder = self._refused[refused]
        if finder is not None and (found := finder.pattern.search(text)):
            raise TokenizerError(
                f"{operation}: text has the special token {found.group()!r} at position {found.start()}; "
                "pass it in allowed_special to take it for the token, or leave it out of disallowed_special "
                "to take it for ordinary text"
            )
        return wanted

    def finds_nothing(self, wanted: frozenset[str]) -> bool:
        """Whether all text is ordinary and left as it is."""
        return not (wanted or self._ordinary or self._normalize)

    def split(self, part: Part, wanted: frozenset[str]) -> Iterator[tuple[AddedToken, Part] | Part]:
        """The tokens in a text, with what they are made of, and the normalised text between them."""
        for piece in _pieces(part, self._finder(wanted, normalized=False)):
            if not isinstance(piece, Part):
                yield piece
                continue
            normal = piece if self._normalize is None else self._normalize(piece)
            yield from _pieces(normal, self._finder(wanted, normalized=True))

    def _finder(self, wanted: frozenset[str], *, normalized: bool) -> "Finder | None":
        key = wanted, normalized
        if key not in self._finders:
            tokens = [*self._ordinary.values(), *(self._special[name] for name in wanted)]
            spelled = {self._spelling(token): token for token in tokens if token.normalized == normalized}
            self._finders[key] = finder_of(spelled)
        return self._finders[key]

    def _spelling(self, token: AddedToken) -> str:
        if self._normalize is None or not token.normalized:
            return token.content
        return self._normalize(Part(token.content)).text

    def _named(self, operation: str, argument: str, names: Specials) -> frozenset[str]:
        if names == "all":
            return frozenset(self._special)
        if isinstance(names, str):
            raise TokenizerError(
                f"{operation}: {argument} must be 'all' or a set of tokens, got {brief(names)}"
            )
        for name in names:
            if name not in self._special:
                known = ", ".join(map(repr, self._special)) or "none"
                raise TokenizerError(
                    f"{operation}: {argument}: {brief(name)} is no special token; there are {known}"
                )
        return frozenset(names)


@dataclass(frozen=True)
class Finder:
    """Finds any of some spellings, the longest of those that begin earliest.

    Attributes:
        pattern: matches them.
        tokens: spelling to token.
    """

    pattern: re.Pattern[str]
    tokens: Mapping[str, AddedToken]

    def __call__(self, text: str) -> Iterator[Found]:
        """Tokens, and the text between them."""
        done = 0
        for match in self.pattern.finditer(text):
            token = self.tokens[match.group()]
            start, stop = match.span()
            if start < done:
                continue
            if token.single_word and (_is_word(text, start - 1) or _is_word(text, stop)):
                continue
            if token.lstrip:
                start = max(done, len(text[done:start].rstrip(WHITE_SPACE)) + done)
            if token.rstrip:
                stop = _after_spaces(text, stop)
            if done < start:
                yield None, done, start
            yield token, start, stop
            done = stop
        if done < len(text):
            yield None, done, len(text)


def finder_of(tokens: Mapping[str, AddedToken]) -> Finder | None:
    """What finds these spellings, None if there are none."""
    spellings = sorted(filter(None, tokens), key=len, reverse=True)
    if not spellings:
        return None
    return Finder(re.compile("|".join(map(re.escape, spellings))), tokens)


def _pieces(part: Part, finder: Finder | None) -> Iterator[tuple[AddedToken, Part] | Part]:
    if finder is None:
        if part.text:
            yield part
        return
    for token, start, stop in finder(part.text):
        piece = part.slice(start, stop)
        yield piece if token is None else (token, piece)


def _is_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and ord(text[place]) in WORD_CHARACTERS


def _after_spaces(text: str, place: int) -> int:
    found = SPACES_AT.match(text, place)
    return place if found is None else found.end()
