"""Streams in, gradients out: a network and its exact partial derivatives, forward and backward."""
