"""Synthesis of labeled images from a trained detector: the code behind `synthesize.py`."""
