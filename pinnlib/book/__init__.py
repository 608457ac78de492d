"""What the chapters share, and what they say of other people's runs; nothing else in the library needs it."""

from . import authors, exercises

__all__ = ["authors", "exercises"]
