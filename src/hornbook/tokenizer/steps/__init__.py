"""What happens around the model: added tokens, normalizers, pre-tokenizers, templates and decoders."""
