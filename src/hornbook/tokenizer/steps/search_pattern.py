"""The patterns that normalizers and pre-tokenizers look for: texts, and a few regular expressions."""

import re

from hornbook.tokenizer.json_object import Settings

__all__ = ["literal_pattern"]

KNOWN_REGEXES = (" {2,}", " +", r"\n", "[0-9]")
"""Regular expressions that mean the same in every library; files are written for Oniguruma."""


def literal_pattern(settings: Settings) -> re.Pattern[str]:
    """What stands under `pattern`.

    Raises:
        TokenizerError: it is no text, or a regular expression that is not known.
    """
    pattern = settings.object("pattern")
    if pattern.value("Regex") is None:
        literal = pattern.text("String")
        if not literal:
            raise pattern.error("String", "is empty; expected a text to look for")
        expression = re.escape(literal)
    else:
        expression = pattern.choice("Regex", KNOWN_REGEXES)
    pattern.close()
    return re.compile(expression)
