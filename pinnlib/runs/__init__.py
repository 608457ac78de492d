"""A training as a value: what is kept of it, its file, its small form for publishing, and its summary."""

from .run import Run

__all__ = ["Run"]
