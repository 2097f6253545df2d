"""Training a classifier of object crops, for DICOD."""
