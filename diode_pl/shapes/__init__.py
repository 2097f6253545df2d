"""The embedded world: detection data that the package draws itself."""

from diode_pl.shapes.world import ShapesWorld

__all__ = ["ShapesWorld"]
