"""Training a student: the wing of `train.py`."""
