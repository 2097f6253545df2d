"""A dashboard that remembers what it is shown."""

from typing import Any

from diode_pl.dashboard import Dashboard


class Listener(Dashboard):
    """Keeps every call as ``(method, arguments)``."""

    name, version = "listener", "0"

    def __init__(self) -> None:
        self.calls = list[tuple[str, tuple[Any, ...]]]()

    def heard(self, method: str) -> list[tuple[Any, ...]]:
        """Arguments of all calls of a method."""
        return [arguments for name, arguments in self.calls if name == method]

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing of ours calls it."""

    def log_metrics(self, metrics: Any, step: Any = None) -> None:
        """Numbers."""
        self.calls.append(("log_metrics", (metrics, step)))

    def begin(self, card: Any) -> None:
        self.calls.append(("begin", (card,)))

    def add_tags(self, tags: Any) -> None:
        self.calls.append(("add_tags", (tags,)))

    def log_pictures(self, name: Any, pictures: Any, class_names: Any, step: Any) -> None:
        self.calls.append(("log_pictures", (name, pictures, class_names, step)))

    def log_table(self, name: Any, columns: Any, rows: Any, step: Any) -> None:
        self.calls.append(("log_table", (name, columns, rows, step)))

    def log_chart(self, name: Any, lines: Any, step: Any) -> None:
        self.calls.append(("log_chart", (name, lines, step)))

    def summarize(self, values: Any) -> None:
        self.calls.append(("summarize", (values,)))

    def log_artifact(self, artifact: Any) -> None:
        self.calls.append(("log_artifact", (artifact,)))

    def use_artifact(self, artifact: Any) -> None:
        self.calls.append(("use_artifact", (artifact,)))

    def end(self, succeeded: Any) -> None:
        self.calls.append(("end", (succeeded,)))
