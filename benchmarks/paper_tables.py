"""Tables 2 to 5 of the paper (Chawla et al., WACV 2021), in its layout, its figures beside those of runs of ours.

python synthesize.py +experiment=table2 seed=0,1,2,3,4
python -m benchmarks.collect --layout table2 runs/tables/augmentations
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.jobs import read_overrides, read_results, read_seed, spread

_ROW = re.compile(r"\+?experiment=\w+/rows/(\w+)")


@dataclass(frozen=True)
class Row:
    """A row.

    Args:
        name: of its experiment, ``rows/NAME``; None for what only the paper has.
        cells: as the paper writes them.
        figure: of the paper; empty if it has none.
        optional: left out without a run of it, as rows of data that not everybody has.
    """

    name: str | None
    cells: tuple[str, ...]
    figure: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        headings: of the cells.
        result: file of a run that holds its score, ``dataset.json`` or ``metrics.json``.
        rows: from top to bottom.
    """

    headings: tuple[str, ...]
    result: str
    rows: tuple[Row, ...]


_ALL = ("flip", "jitter", "brightness", "contrast", "cutout")
_SINGLE = {"flip": "0.52 ± 0.026", "jitter": "0.51 ± 0.017", "brightness": "0.53 ± 0.034", "contrast": "0.49 ± 0.025"}
_SINGLE |= {"cutout": "0.70 ± 0.024"}


def _marks(*names: str) -> tuple[str, ...]:
    return tuple("✓" if name in names else "" for name in _ALL)


TABLES = {
    "table2": Table(
        ("DIODE", *_ALL),
        "dataset.json",
        (
            Row("none", ("w/o aug.", *_marks()), "0.49 ± 0.063"),
            *(Row(name, ("w/ aug.", *_marks(name)), figure) for name, figure in _SINGLE.items()),
            Row("all", ("Ours", *_marks(*_ALL)), "0.71 ± 0.014"),
        ),
    ),
    "table3": Table(
        ("Input images", "original image", "original label"),
        "metrics.json",
        (
            Row("coco", ("MS-COCO (original)", "✓", "✓"), "0.524", optional=True),
            Row("real", ("original: embedded world", "✓", "✓"), "0.524 (MS-COCO)", optional=True),
            Row("labels", ("DIODE", "✗", "✓"), "0.462"),
            Row("onebox", ("DIODE", "✗", "✗"), "0.418 (data-free)"),
        ),
    ),
    "table4": Table(
        ("#objects per image", "distribution"),
        "metrics.json",
        (
            Row("onebox", ("1", "–"), "0.418"),
            Row("random", ("1-25", "random"), "0.433"),
            Row("uniform", ("1-25", "uniform"), "0.426"),
            Row("coco_like", ("1-25", "MS-COCO like"), "0.435"),
            Row("voc_like", ("1-25", "VOC like"), "0.429"),
        ),
    ),
    "table5": Table(
        ("Dataset", "# required images of the paper", "dataset distribution"),
        "metrics.json",
        (
            Row(None, ("teacher", "117k", "original training set"), "0.608"),
            Row("imagenet", ("ImageNet", "120k", "same-domain"), "0.466", optional=True),
            Row("voc", ("VOC", "22k", "same-domain"), "0.443", optional=True),
            Row("near", ("shapes_near", "", "same-domain"), "0.466 (ImageNet), 0.443 (VOC)", optional=True),
            Row("bdd100k", ("BDD100k", "160k", "out-of-domain"), "0.313", optional=True),
            Row("gta5", ("GTA5", "50k", "out-of-domain"), "0.285", optional=True),
            Row("far", ("shapes_far", "", "out-of-domain"), "0.313 (BDD100k), 0.285 (GTA5)", optional=True),
            Row("onebox", ("Data-free w/ DIODE", "0", "–"), "0.418"),
            Row("coco_like", ("Data-free w/ DIODE+tiles", "0", "–"), "0.435"),
            Row("fp", ("Data-free w/ DIODE+Y_FP sampling", "0", "–"), "0.450"),
        ),
    ),
}


def read_rows(table: Table, folders: list[Path]) -> dict[str, list[dict]]:
    """The result files of the finished runs of a table, by row, one of each seed."""
    found: dict[str, dict[int | Path, dict]] = defaultdict(dict)
    for path, result in read_results(folders, table.result).items():
        names = [match[1] for word in read_overrides(path.parent) if (match := _ROW.fullmatch(word))]
        if names:
            found[names[0]].setdefault(read_seed(path), result)
    return {name: list(results.values()) for name, results in found.items()}


def paper_table(table: Table, folders: list[Path]) -> Iterator[list[str]]:
    """A table of the paper, headings first; a row without a run has a dash in the place of our score."""
    found = read_rows(table, folders)
    if not {row.name for row in table.rows} & found.keys():
        where = ", ".join(map(str, folders))
        raise SystemExit(f"no {table.result} of a row of this table in {where} or in a folder right below")
    measure = "verifier mAP@0.5" if table.result == "dataset.json" else "mAP@0.5"
    yield [*table.headings, f"{measure} here", "runs", f"{measure} of the paper"]
    for row in table.rows:
        if row.optional and row.name not in found:
            continue
        scores = _teacher(found) if row.name is None else _scores(table, found.get(row.name, []))
        count = "" if row.name is None else str(len(found.get(row.name, [])))
        yield [*row.cells, spread(scores, 3) if scores else "–", count, row.figure]


def _scores(table: Table, results: list[dict]) -> list[float]:
    if table.result == "dataset.json":
        found = (result["scores"].get("verifier_map50") for result in results)
    else:
        found = (result.get("student", {}).get("AP50") for result in results)
    return [score for score in found if score is not None]


def _teacher(found: dict[str, list[dict]]) -> list[float]:
    """Of the first run that measured it: it is the same in all."""
    scores = (result["teacher"]["AP50"] for results in found.values() for result in results if result.get("teacher"))
    return [score for score in [next(scores, None)] if score is not None]
