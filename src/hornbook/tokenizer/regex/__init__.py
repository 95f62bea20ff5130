"""Regular expressions of tokenizer files, in Oniguruma's syntax, on the standard library's `re`.

`compiled.py` is what one uses. A pattern goes through `scanner.py`, `parser.py` (with `sets.py` and
`literals.py`), `tree.py`, `simplify.py` and `writer.py`; `matcher.py` runs those that could be slow in `re`.
"""

from hornbook.tokenizer.regex.compiled import CompiledPattern, compile_pattern

__all__ = ["CompiledPattern", "compile_pattern"]
