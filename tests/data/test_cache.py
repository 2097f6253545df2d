import pytest

from diode_pl.data.cache import InMemory
from diode_pl.data.readers import BadImage
from tests.data.painted import Painted, same


@pytest.mark.parametrize("workers", [0, 2])
def test_is_the_same_as_its_source(workers: int) -> None:
    source = Painted(7, bad={2})
    memory = InMemory(source, workers, "some images")
    assert len(memory) == 7 and memory.class_names == source.class_names and memory.resolution == source.resolution
    assert memory.provenance == source.provenance and memory.faults is source.faults
    for i in range(7):
        if i != 2:
            assert same(memory[i], source[i])
    for _ in range(3):
        with pytest.raises(BadImage, match="image 2"):
            memory[2]


@pytest.mark.parametrize("workers", [0, 1])
def test_faults_are_counted_once(workers: int) -> None:
    source = Painted(7, bad={2, 5})
    memory = InMemory(source, workers, "some images")
    for i in (2, 5, 2):
        with pytest.raises(BadImage):
            memory[i]
    assert len(memory.faults) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_too_many_bad_images_are_an_error(workers: int) -> None:
    with pytest.raises(ValueError, match="2 images or annotations cannot be used.*max_bad is 1"):
        InMemory(Painted(7, bad={2, 5}, max_bad=1), workers, "some images")


def test_nothing_is_read_again() -> None:
    source = Painted(3)
    memory = InMemory(source, 0, "some images")
    assert source.reads == 3
    examples = [memory[i] for i in (0, 1, 2, 2)]
    assert source.reads == 3 and same(examples[2], examples[3])
