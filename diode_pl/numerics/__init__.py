"""Numerics, processes and memory."""
