"""Characters: their Unicode classes, the patterns that divide text into words, and GPT-2's byte alphabet."""
