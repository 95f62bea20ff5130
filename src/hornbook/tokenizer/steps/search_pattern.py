"""The patterns that normalizers, pre-tokenizers and decoders search for."""

import re

from hornbook.tokenizer.json_object import JsonObject

__all__ = ["search_pattern"]

KNOWN_REGEXES = (" {2,}", " +", r"\n", "[0-9]")
"""Regular expressions with the same meaning in every library; files are written for Oniguruma."""


def search_pattern(settings: JsonObject) -> re.Pattern[str]:
    """The setting `pattern`: a literal text, or a regular expression.

    Raises:
        TokenizerError: it is neither, or the regular expression is not known.
    """
    pattern = settings.object("pattern")
    if pattern.value("Regex") is None:
        literal = pattern.text("String")
        if not literal:
            raise pattern.error("String", "is empty; expected a text to look for")
        expression = re.escape(literal)
    else:
        expression = pattern.choice("Regex", KNOWN_REGEXES)
    return re.compile(expression)
