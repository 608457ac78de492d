"""Reference solutions, made here, each with an estimate of its own error.

``python -m pinnlib.reference`` makes the stored ones again; a test does the same and compares.
"""
