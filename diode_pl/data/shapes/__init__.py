"""The embedded world: detection data that the package draws itself."""

from diode_pl.data.shapes.world import ShapesWorld

__all__ = ["ShapesWorld"]
