"""Reading a tokenizer's files: tokenizer.json, and the older ones of a model folder."""
