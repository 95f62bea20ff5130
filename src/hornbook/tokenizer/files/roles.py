"""What special tokens are for: to begin a text, to end it, to stand for the unknown, and so on."""

from collections.abc import Container, Mapping

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief

__all__ = ["ROLES", "complete_roles"]

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
"""Beginning and end of a text, unknown, separator, padding, classification, and masked."""

END_OF_TEXT = "<|endoftext|>"

USUAL_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "bos": (END_OF_TEXT, "<s>", "[BOS]"),
    "eos": (END_OF_TEXT, "</s>", "[EOS]"),
    "sep": ("[SEP]",),
    "pad": ("[PAD]", "<pad>"),
    "cls": ("[CLS]",),
    "mask": ("[MASK]", "<mask>"),
}
"""How special tokens are spelled whose role no file names."""


def complete_roles(
    given: Mapping[str, str],
    tokens: Mapping[str, int],
    special: Container[str],
    source: str,
    *,
    unknown: str | None,
    pad_token: str | None,
) -> dict[str, int]:
    """Roles and the ids of their tokens: those that are given, then the usual spellings.

    Args:
        given: roles and the tokens that have them.
        tokens: all tokens to their ids.
        special: the special tokens.
        source: for messages.
        unknown: the model's unknown token.
        pad_token: the token of the file's padding.

    Raises:
        TokenizerError: a token that is given is not in the vocabulary.
    """
    roles = dict(given)
    for role, token in roles.items():
        if token not in tokens:
            raise TokenizerError(f"{source}: {role}_token {brief(token)} is not in the vocabulary")
    for role, spellings in USUAL_SPELLINGS.items():
        found = next((each for each in spellings if each in special), None)
        if found is not None:
            roles.setdefault(role, found)
    for role, known in (("unk", unknown), ("pad", pad_token)):
        if known is not None:
            roles.setdefault(role, known)
    return {role: tokens[token] for role, token in roles.items()}
