"""The library's version; provenance of a run, and the citation, say it."""

__version__ = "0.1.0"
