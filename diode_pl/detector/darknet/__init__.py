"""Detectors described by Darknet `.cfg` files."""
