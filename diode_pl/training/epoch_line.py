"""One line on a finished epoch."""

from collections.abc import Mapping, Sequence

_SCORE = "val/"
_FIRST = ("AP50", "macro_accuracy")  # by which epochs are compared, of detectors and of classifiers


def describe_epoch(history: Sequence[Mapping[str, float]], epochs: int | None) -> str:
    """Says what the last epoch of a history came to: its loss, its first two scores, and whether it is the best one.

    Args:
        history: entries of :class:`TrainingModule`.
        epochs: of the whole training, as far as is known.

    Example:
        >>> history = [{"loss/total": 2.0, "val/AP": 0.3, "val/AP50": 0.5, "seconds": 8.0}]
        >>> describe_epoch(history, 4)
        'epoch 1 of 4: loss 2, AP50 0.500 (best so far), AP 0.300, 8.0 s'
    """
    entry = history[-1]
    scores = {key.removeprefix(_SCORE): value for key, value in entry.items() if key.startswith(_SCORE)}
    names = sorted(scores, key=lambda name: name not in _FIRST)[:2]
    parts = [f"loss {entry['loss/total']:.4g}"]
    for name in names:
        best = max(each.get(_SCORE + name, scores[name]) for each in history) == scores[name]
        parts.append(f"{name} {scores[name]:.3f}{' (best so far)' if name in _FIRST and best else ''}")
    return f"epoch {len(history)} of {epochs}: {', '.join(parts)}, {entry['seconds']:.1f} s"
