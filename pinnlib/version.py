"""The library's version; provenance of a run, and the citation, say it."""

__version__ = "0.2.0.dev0"
