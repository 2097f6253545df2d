"""Making a data set from a detector: the wing of `synthesize.py`."""
