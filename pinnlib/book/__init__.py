"""What the chapters share, and what they say of other people's runs; nothing else in the library needs it."""

from . import authors

__all__ = ["authors"]
