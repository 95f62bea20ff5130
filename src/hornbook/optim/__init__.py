"""Optimisers: how gradients move parameters."""

from hornbook.optim.adamw import AdamW

__all__ = ["AdamW"]
