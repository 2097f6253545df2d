"""A detector in a notebook."""

from diode_pl.io.notebook import to_html
from diode_pl.provenance import Provenance

_NAMES = 20  # of classes, that are shown


class NotebookView:
    """Shows classes, size and training data of a detector; the list of its layers is what ``print`` shows."""

    class_names: tuple[str, ...]
    stride: int
    provenance: Provenance | None

    def _repr_html_(self) -> str:
        parameters = sum(each.numel() for each in self.parameters())  # type: ignore[attr-defined]
        names, more = ", ".join(self.class_names[:_NAMES]), ", …" * (len(self.class_names) > _NAMES)
        trained = "nothing: random weights" if self.provenance is None else str(self.provenance)
        return to_html(
            type(self).__name__,
            {
                "classes": f"{len(self.class_names)}: {names}{more}",
                "parameters": f"{parameters:,}",
                "input": f"RGB in [0, 1]; height and width multiples of {self.stride} px",
                "trained on": trained,
            },
        )
