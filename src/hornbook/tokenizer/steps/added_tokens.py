"""The tokens that a file lists beside its model's, such as <|endoftext|>: they are found before all else.

A text that spells a special token gets ordinary characters unless the caller allows the token, so that no
text from outside can end a document.

Source: the added tokens of Hugging Face's tokenizers; the arguments `allowed_special` and
`disallowed_special` of `Encoding.encode` in tiktoken, which disallows all special tokens by default.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.normalizers import Normalizer
from hornbook.tokenizer.unicode.classes import WORD
from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.patterns import WHITE_SPACE

__all__ = ["AddedToken", "AddedTokens", "Specials", "read_added_tokens"]

Specials: TypeAlias = Collection[str] | Literal["all"]
"""The spellings of some special tokens, or all of them."""

Match: TypeAlias = tuple["AddedToken | None", int, int]
"""A token, or None for the text between tokens; its start and its stop."""

WORD_CHARACTERS = CodePoints(WORD)
SPACES_AT = re.compile(f"[{WHITE_SPACE}]*")


@dataclass(frozen=True)
class AddedToken:
    """A token that is found by its spelling.

    Attributes:
        content: the spelling.
        id: the id.
        special: whether the caller has to allow it.
        single_word: whether it is found only with no letter or digit next to it.
        lstrip: whether it includes the white space before it.
        rstrip: whether it includes the white space after it.
        normalized: whether its normalized spelling is looked for in the normalized text.
    """

    content: str
    id: int
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


def read_added_tokens(
    entries: Iterable[JsonObject], vocabulary: Mapping[str, int], n_tokens: int
) -> list[AddedToken]:
    """Reads the list of a tokenizer.json.

    As in tokenizers, ids are assigned and not read: a token of the model keeps its id, and the others get
    consecutive ones from the number of the model's tokens on. If a token is listed twice, its
    last entry counts; so it does if two tokens get one id.

    Args:
        entries: the list.
        vocabulary: the tokens of the model.
        n_tokens: their number, those that are given twice included.

    Raises:
        TokenizerError: an entry is damaged.
    """
    tokens: dict[str, AddedToken] = {}
    next_id = n_tokens
    for entry in entries:
        content = entry.text("content")
        if not content:
            continue
        known = tokens[content].id if content in tokens else vocabulary.get(content)
        token_id = next_id if known is None else known
        next_id += known is None
        special = entry.flag("special", False)
        flags = {key: entry.flag(key, False) for key in ("single_word", "lstrip", "rstrip")}
        normalized = entry.flag("normalized", not special)
        tokens[content] = AddedToken(content, token_id, special=special, normalized=normalized, **flags)
    by_id = {token.id: token for token in tokens.values()}
    return list(by_id.values())


class AddedTokens:
    """Finds added tokens in text.

    Args:
        tokens: all of them.
        normalize: the normalizer, if the tokenizer has one.
    """

    def __init__(self, tokens: Sequence[AddedToken], normalize: Normalizer | None) -> None:
        self._special = {token.content: token for token in tokens if token.special}
        self._ordinary = {token.content: token for token in tokens if not token.special}
        self._normalize = normalize
        self._finders: dict[tuple[frozenset[str], bool], Finder | None] = {}
        self._refused: dict[frozenset[str], Finder | None] = {}

    def check(self, operation: str, text: str, allowed: Specials, disallowed: Specials) -> frozenset[str]:
        """The special tokens to look for.

        Raises:
            TokenizerError: a name is not a special token's, or the text spells a disallowed one.
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
                "put it into allowed_special to encode it as that token, or take it out of "
                "disallowed_special to encode it as ordinary text"
            )
        return wanted

    def finds_nothing(self, wanted: frozenset[str]) -> bool:
        """Whether there is no token to find and no normalizer."""
        return not (wanted or self._ordinary or self._normalize)

    def split(
        self, aligned: AlignedText, wanted: frozenset[str]
    ) -> Iterator[tuple[AddedToken, AlignedText] | AlignedText]:
        """The tokens in a text, each with the text it was found in, and the normalized text between them."""
        for piece in _pieces(aligned, self._finder(wanted, normalized=False)):
            if not isinstance(piece, AlignedText):
                yield piece
                continue
            normal = piece if self._normalize is None else self._normalize(piece)
            yield from _pieces(normal, self._finder(wanted, normalized=True))

    def _finder(self, wanted: frozenset[str], *, normalized: bool) -> "Finder | None":
        key = wanted, normalized
        if key not in self._finders:
            tokens = [*self._ordinary.values(), *(self._special[name] for name in wanted)]
            spelled = {self.spelling(token): token for token in tokens if token.normalized == normalized}
            self._finders[key] = finder_of(spelled)
        return self._finders[key]

    def spelling(self, token: AddedToken) -> str:
        """How a token is spelled in normalized text."""
        if self._normalize is None or not token.normalized:
            return token.content
        return self._normalize(AlignedText(token.content)).text

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
                    f"{operation}: {argument}: {brief(name)} is not a special token; these are: {known}"
                )
        return frozenset(names)


@dataclass(frozen=True)
class Finder:
    """Finds spellings, the longest of those that begin earliest.

    Attributes:
        pattern: matches the spellings.
        tokens: spelling to token.
    """

    pattern: re.Pattern[str]
    tokens: Mapping[str, AddedToken]

    def __call__(self, text: str) -> Iterator[Match]:
        """Tokens, and the text between them."""
        done = 0
        for match in self.pattern.finditer(text):
            token = self.tokens[match.group()]
            start, stop = match.span()
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
    """The finder of these spellings; None if there are none."""
    spellings = sorted(filter(None, tokens), key=len, reverse=True)
    if not spellings:
        return None
    return Finder(re.compile("|".join(map(re.escape, spellings))), tokens)


def _pieces(
    aligned: AlignedText, finder: Finder | None
) -> Iterator[tuple[AddedToken, AlignedText] | AlignedText]:
    if finder is None:
        if aligned.text:
            yield aligned
        return
    for token, start, stop in finder(aligned.text):
        piece = aligned.slice(start, stop)
        yield piece if token is None else (token, piece)


def _is_word(text: str, index: int) -> bool:
    return 0 <= index < len(text) and ord(text[index]) in WORD_CHARACTERS


def _after_spaces(text: str, start: int) -> int:
    found = SPACES_AT.match(text, start)
    return start if found is None else found.end()
