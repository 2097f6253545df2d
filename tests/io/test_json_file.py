"""Reading of JSON files."""

import json

import pytest

from diode_pl.io.json_file import read_json


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_content_with_and_without_a_mark(tmp_path, encoding):
    content = {"größe": [1, -2.5, None, True], "図": "a"}
    (tmp_path / "a.json").write_text(json.dumps(content, ensure_ascii=False), encoding=encoding)
    assert read_json(tmp_path / "a.json") == content


def test_an_endless_integer_is_infinite_and_the_others_are_exact(tmp_path):
    (tmp_path / "a.json").write_text(f"[{'7' * 300}, {'7' * 5000}, -{'7' * 5000}]")
    assert read_json(tmp_path / "a.json") == [int("7" * 300), float("inf"), float("-inf")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", r"a\.json is not JSON: Expecting property name"),
        (b"[" * 100_000, "nested too deeply"),
        ('["ö"]'.encode("latin1"), r"a\.json: byte 2 .*save it as UTF-8"),
        ("[1]".encode("utf-16"), r"a\.json: byte 0 .*save it as UTF-8"),
    ],
    ids=["cut", "nested", "latin1", "utf-16"],
)
def test_what_is_no_json_is_one_error(tmp_path, content, reason):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_json(tmp_path / "a.json")
    assert len(str(caught.value)) < 500 + len(str(tmp_path))
