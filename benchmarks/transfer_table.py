"""Which one setting serves all detectors: a column for each one's jobs, the setting that serves them best on top.

python synthesize.py -m +experiment=tables/transfer/ssd losses.batch_norm.weight=0.1,0.3 output_dir=runs/transfer/ssd
python synthesize.py -m +experiment=tables/transfer/nano losses.batch_norm.weight=0.1,0.3 output_dir=runs/transfer/nano
python -m benchmarks.collect --layout transfer runs/transfer/ssd runs/transfer/nano
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from benchmarks.jobs import read_jobs, result_paths, spread

Scores = dict[tuple[str, ...], list[float]]
_EXPERIMENT = "+experiment="


def read_scores(folders: list[Path]) -> dict[str, Scores]:
    """The verifier's mAP@0.5 of every finished job of the sweeps, by experiment and setting."""
    columns: dict[str, Scores] = defaultdict(dict)
    for overrides, jobs in read_jobs(folders, "dataset.json", kept=_EXPERIMENT).items():
        experiment = next((override for override in overrides if override.startswith(_EXPERIMENT)), "–")
        setting = tuple(override for override in overrides if override != experiment)
        columns[experiment.rsplit("/")[-1]][setting] = [job["scores"].get("verifier_map50") for job in jobs]
    unscored = [name for name, scores in columns.items() if None in sum(scores.values(), [])]
    empty = [str(folder) for folder in folders if not result_paths(folder, "dataset.json")]
    if unscored or empty:
        raise SystemExit(f"{', '.join(unscored + empty)}: no images, or some that no verifier scored")
    return columns


def transfer_table(columns: dict[str, Scores]) -> Iterator[list[str]]:
    """Headings, then a row for each setting: its score with each detector, and the mean of its shares of the best ones.

    A setting that some detector has not been tried with has no mean, and comes last; none has one where the best of a
    detector is 0.
    """
    yield ["setting", *columns, "mean share of each one's best"]
    best = {name: max(map(fmean, scores.values())) for name, scores in columns.items()}
    rows = []
    for setting in dict.fromkeys(setting for scores in columns.values() for setting in scores):
        tried = [name for name, scores in columns.items() if setting in scores]
        shares = [fmean(columns[name][setting]) / best[name] for name in tried if best[name]]
        mean = fmean(shares) if len(shares) == len(columns) else None
        cells = [spread(columns[name][setting], 3) if name in tried else "–" for name in columns]
        rows.append((mean, [", ".join(setting) or "–", *cells, "–" if mean is None else f"{mean:.2f}"]))
    rows.sort(key=lambda row: -1.0 if row[0] is None else row[0], reverse=True)
    yield from (cells for _, cells in rows)
