"""Training of a classifier of object crops, for DICOD."""
