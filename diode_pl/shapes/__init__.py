"""The embedded world: procedurally drawn detection data."""

from diode_pl.shapes.world import ShapesWorld

__all__ = ["ShapesWorld"]
