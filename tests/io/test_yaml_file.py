"""Reading of YAML files."""

import time

import pytest
import yaml

from diode_pl.io.yaml_file import MAX_REPEATED, read_yaml
from tests.odd import odd_folder


def save(tmp_path, text):
    path = tmp_path / "data.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_plain_data(tmp_path, mark):
    text = "train: images\nnc: 2\nnames: {0: größe, 1: b}\nlr: 0.5\nnone:\n"
    content = {"train": "images", "nc": 2, "names": {0: "größe", 1: "b"}, "lr": 0.5, "none": None}
    assert read_yaml(save(tmp_path, mark + text)) == content
    assert read_yaml(save(tmp_path, mark)) is None


def test_an_integer_that_is_written_otherwise_is_text(tmp_path):
    assert read_yaml(save(tmp_path, "[7, -7, 007, 0x10, 1_000, 12:30]")) == [7, -7, "007", "0x10", "1_000", "12:30"]


def test_aliases_that_pyyaml_writes_itself_are_read(tmp_path):
    shared = ["a", "b"]
    text = yaml.dump({"train": shared, "val": shared, "test": shared})
    assert "*id001" in text
    assert read_yaml(save(tmp_path, text)) == {"train": shared, "val": shared, "test": shared}


def test_a_long_file_without_aliases_is_read(tmp_path):
    assert len(read_yaml(save(tmp_path, f"[{'a,' * (MAX_REPEATED + 10)}]"))) == MAX_REPEATED + 10


def bomb(levels, key="a{}: &a{} [{}]", last="names: *a{}"):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [key.format(i, i, ",".join([f"*a{i - 1}"] * 10)) for i in range(1, levels)]
    return "\n".join([*lines, last.format(levels - 1)])


@pytest.mark.parametrize(
    "text",
    [
        bomb(9),
        bomb(300),
        bomb(9, key="a{}: &a{} {{k: [{}]}}"),
        "a0: &a0 {x: 1, y: 2}\n"
        + "\n".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 20)}]}}" for i in range(1, 9)),
    ],
    ids=["lists", "deep", "mappings", "merges"],
)
def test_aliases_that_multiply_are_refused_at_once(tmp_path, text):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"data\.yaml is not a readable YAML file: aliases repeat more") as caught:
        read_yaml(save(tmp_path, text))
    assert time.perf_counter() - begin < 5 and len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]", "line 1: an alias stands inside"),
        ("train: a\nval: b\ntrain: c", "key 'train' stands on line 1 and again on line 3"),
        ("{a: 1, a: 2}", "key 'a' stands on line 1 and again on line 1"),
        ("train: [", "while parsing"),
        ("[" * 5000, "nested too deeply"),
        ("a: *" + "x" * 100_000, "undefined alias"),
        ("a: 2020-13-45", "month must be"),
        ("a: !!int x", "invalid literal"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("names: [größe]".encode("latin1"), r"byte 10 .*save it as UTF-8"),
        ("names: [a]".encode("utf-16"), r"byte 0 .*save it as UTF-8"),
    ],
    ids=["self", "twice", "flow", "cut", "nested", "undefined", "date", "integer", "code", "latin1", "utf-16"],
)
def test_what_cannot_be_read_is_one_bounded_error(tmp_path, text, reason):
    with pytest.raises(ValueError, match=r"data\.yaml is not a readable YAML file: (.|\n)*" + reason) as caught:
        read_yaml(save(tmp_path, text))
    assert len(str(caught.value)) < 600 + len(str(tmp_path))


def test_merges_of_one_mapping_may_stand_twice(tmp_path):
    assert read_yaml(save(tmp_path, "a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n"))["c"] == {"x": 1, "y": 2}


def test_the_bomb_that_was_reported(shared_data):
    with pytest.raises(ValueError, match="aliases repeat more"):
        read_yaml(odd_folder(shared_data, "yolo") / "yaml_bomb" / "data.yaml")
