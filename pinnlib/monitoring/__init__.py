"""What a monitor is made of: a loss in parts, gradients of its batches, networks that stay as they were."""
