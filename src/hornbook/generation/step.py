"""What a stream of generation yields."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["FinishReason", "Step"]

FinishReason: TypeAlias = Literal["stop", "length"]
"""Why a text ended: an end-of-text token was drawn, or there was no more room."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a text that is generated. The last step of a stream, and no other, has a finish reason.

    Attributes:
        token_id: the token that was added to the text; None where the step only ends it.
        text: the characters that this step completes, often none; "" where ids are not made text.
        finish_reason: "stop" at an end-of-text token, which is not part of the text; "length" at
            max_new_tokens or the model's last position; None while the text goes on.
    """

    token_id: int | None
    text: str = ""
    finish_reason: FinishReason | None = None
