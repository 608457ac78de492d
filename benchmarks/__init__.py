"""Whole training steps of a PINN, timed against what people use today: ``python -m benchmarks``."""
