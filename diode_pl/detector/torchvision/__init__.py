"""Detectors with torchvision networks."""
