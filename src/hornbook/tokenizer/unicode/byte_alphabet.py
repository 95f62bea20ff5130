"""GPT-2's byte alphabet: a visible character for each of the 256 bytes, so that vocabularies can be text.

Printable Latin-1 characters stand for themselves; the other 68 bytes, in order, get those from U+0100 on.
A space becomes "Ġ", a newline "Ċ".

Source: `bytes_to_unicode` in https://github.com/openai/gpt-2/blob/master/src/encoder.py
"""

__all__ = ["BYTE_TO_CHARACTER", "spelled_bytes"]

_ITSELF = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
_MOVED = [byte for byte in range(256) if byte not in _ITSELF]

BYTE_TO_CHARACTER = [chr(byte) if byte in _ITSELF else chr(256 + _MOVED.index(byte)) for byte in range(256)]
_CHARACTER_TO_BYTE = {ord(character): byte for byte, character in enumerate(BYTE_TO_CHARACTER)}


def spelled_bytes(token: str) -> bytes:
    """The bytes that a vocabulary entry spells: "Ġthe" is b" the".

    Raises:
        ValueError: a character is not in the alphabet.
    """
    try:
        return bytes([_CHARACTER_TO_BYTE[ord(character)] for character in token])
    except KeyError as problem:
        code = problem.args[0]
        raise ValueError(f"{chr(code)!r} (U+{code:04X}) is not a byte-level character") from None
