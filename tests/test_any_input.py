"""Files as nobody would write them: every reader gives a result or one error of ours, soon, and writes nothing."""

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from diode_pl.class_names import read_names
from diode_pl.data.readers import BadImage, Coco, ImageFolder, ImageSet, Voc, Yolo
from diode_pl.detector import Darknet, load_weights_file
from tests.tiny_network import CFG, NAMES, write_tiny_network

FEW, MANY = 25, 1000  # inputs of each kind; there are ten kinds
SECONDS, KIB = 20, 2**20
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}
REGION = {"id": 3, "image_id": 1, "category_id": 2, "iscrowd": 1, "segmentation": {"counts": "9350W1", "size": [8, 8]}}
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [BOX, BOX | {"id": 2, "iscrowd": 1}, REGION],
}
THING = (
    "<object><name>cat</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax>"
)
VOC = f"<annotation><filename>a.png</filename><size><width>8</width><height>8</height></size>{THING}</bndbox></object>"
YAML = "path: .\nval: list.txt\ntrain: images\nnc: 2\nnames:\n  0: cat\n  1: dog\n"
# What breaks readers: numbers at their limits, signs of the formats, marks of encodings, ways out of the folder.
TOKENS = [b"nan", b"-1", b"0", b"1e39", b"1e-40", b"9" * 400, b"99999999", b"true", b"null", b"[", b"]", b"{", b"}"]
TOKENS += [b"<", b">", b"/", b"&a;", b"&", b"*a", b"!!python/name:os.system", b"#", b"=", b",", b":", b"-", b"\n", b" "]
TOKENS += [b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xff", b"../../etc/passwd", b"~", b"{split}", b"__background__"]


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """A valid file after a few changes: bytes cut out, put in, doubled, or the end cut off."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        put = draw(st.sampled_from(TOKENS) | st.binary(max_size=8) | st.just(content[start:end] * 2))
        content = content[:start] + put + content[end:]
    cut = draw(st.integers(0, 8 * len(content) + 8))  # one in eight loses its end
    text = content[:cut]
    return draw(st.sampled_from([text] * 8 + [text.decode("latin-1").encode("utf-16"), b""]))


@st.composite
def coco_files(draw: st.DrawFn) -> bytes:
    """An annotation file with any values at some keys."""
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    values |= st.sampled_from([10**400, -1, "1", "a.png", "../a.png"]) | st.lists(
        st.floats() | st.integers(), max_size=5
    )
    content = json.loads(json.dumps(COCO))
    for _ in range(draw(st.integers(1, 4))):
        entries = content[draw(st.sampled_from(sorted(COCO)))]
        entry = draw(st.sampled_from(entries))
        entry[draw(st.sampled_from([*entry, "area", "iscrowd", "segmentation"]))] = draw(values)
        if draw(st.booleans()):
            entries.append(dict(entry))
    # Like many programs, json writes NaN and Infinity; texts that are no Unicode stay escaped.
    return json.dumps(content).encode()


@cache
def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((8, 8), 50).convert("P" if kind == "gif" else "RGB").save(file, kind)
    return file.getvalue()


def read_images(images: ImageSet) -> None:
    for i in range(len(images)):
        try:
            images[i]
        except BadImage as error:
            assert len(str(error)) < 3000
        images.annotation(i)


def read_coco(folder: Path, content: bytes) -> None:
    (folder / "boxes.json").write_bytes(content)
    read_images(Coco(folder, None, ".", "boxes.json", 16))


def read_voc(folder: Path, content: bytes) -> None:
    (folder / "a.xml").write_bytes(content)
    read_images(Voc(folder, None, 16, annotations=".", images="."))


def read_yolo(name: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        for file, text in {"data.yaml": YAML, "list.txt": "a.png\n", "a.txt": "0 0.5 0.5 0.2 0.2\n"}.items():
            (folder / file).write_bytes(content if file == name else text.encode())
        read_images(Yolo(folder, "val", 16))

    return read


def read_name_file(folder: Path, content: bytes) -> None:
    (folder / "classes.names").write_bytes(content)
    read_names(folder / "classes.names")


def read_picture(folder: Path, content: bytes) -> None:
    (folder / "b.png").write_bytes(content)  # decoders go by the content
    read_images(ImageFolder(folder, 16))


def read_cfg(folder: Path, content: bytes) -> None:
    (folder / "b.cfg").write_bytes(content)
    Darknet(folder / "b.cfg", None, NAMES)


def read_weights(folder: Path, content: bytes) -> None:
    (folder / "b.weights").write_bytes(content)
    (folder / "b.cfg").write_text(CFG)
    Darknet(folder / "b.cfg", folder / "b.weights", NAMES)


def read_safetensors(folder: Path, content: bytes) -> None:
    (folder / "b.safetensors").write_bytes(content)
    load_weights_file(folder / "b.safetensors")


@cache
def weights() -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        write_tiny_network(Path(folder))
        return Path(folder, "tiny.weights").read_bytes()


HEADER = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(64)
SAFETENSORS = len(HEADER).to_bytes(8, "little") + HEADER + b"abcd"
PICTURES = st.sampled_from(["png", "jpeg", "gif", "bmp", "tiff", "webp"]).flatmap(lambda kind: changed(picture(kind)))
KINDS: dict[str, tuple[Callable[[Path, bytes], None], st.SearchStrategy[bytes]]] = {
    "coco": (read_coco, coco_files() | changed(json.dumps(COCO).encode())),
    "voc": (read_voc, changed(VOC.encode())),
    "data.yaml": (read_yolo("data.yaml"), changed(YAML.encode())),
    "yolo labels": (read_yolo("a.txt"), changed(b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.1 0.1\n")),
    "yolo list": (read_yolo("list.txt"), changed(b"a.png\n./a.png\n")),
    "names": (read_name_file, changed(b"__background__\ncat\ndog\n")),
    "pictures": (read_picture, PICTURES),
    "cfg": (read_cfg, changed(CFG.encode())),
    "weights": (read_weights, st.deferred(lambda: changed(weights()))),
    "safetensors": (read_safetensors, changed(SAFETENSORS)),
}


def check(kind: str, count: int, place: Path) -> None:
    read, contents = KINDS[kind]
    number = iter(range(10**9))

    @settings(
        max_examples=count,
        deadline=None,  # the limit is checked below, and says which input it was
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(contents)
    def any_input(content: bytes) -> None:
        folder = place / f"{next(number)}"
        folder.mkdir()
        Image.new("RGB", (8, 8)).save(folder / "a.png")
        began, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read(folder, content)
        except (ValueError, OSError) as error:
            assert type(error) is not UnicodeDecodeError and 0 < len(str(error)) < 4000, repr(error)[:500]
        assert time.monotonic() - began < SECONDS
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < KIB, "more than 1 GiB"
        known = {"a.png", "b.png", "a.txt", "list.txt", "data.yaml", "boxes.json", "a.xml", "classes.names"}
        known |= {"b.cfg", "b.weights", "b.safetensors"}
        assert {path.name for path in folder.rglob("*")} <= known and not os.listdir(place.parent / "work")

    any_input()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchecked: None) -> Path:
    """A folder for inputs; the working folder and that of the user stay empty."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "work"))
    (tmp_path / "inputs").mkdir()
    return tmp_path / "inputs"


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is KiB on Linux alone")


@pytest.mark.parametrize("kind", KINDS)
def test_some_inputs(kind: str, place: Path) -> None:
    check(kind, FEW, place)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_inputs(kind: str, place: Path) -> None:
    check(kind, MANY, place)
