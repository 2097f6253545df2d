"""What every test run shares: type checks at run time, a fair share of the machine, the same seed."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

# Before torch is imported, which reads both: threads that sleep instead of waiting in a loop, and no more of them
# than small tensors can use. Processes that a test starts inherit them.
THREADS = min(2, os.cpu_count() or 1)
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
# No test reports anything to anybody.
os.environ.setdefault("WANDB_MODE", "disabled")

from jaxtyping import config, install_import_hook  # noqa: E402

# Before anything of diode_pl is imported: from here on, wrong types and shapes raise jaxtyping.TypeCheckError.
install_import_hook("diode_pl", "beartype.beartype")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(THREADS)

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files at the top of tests/ run whole programs and take longest: they come first, see PARALLEL in the Makefile."""
    items.sort(key=lambda item: item.path.parent != ROOT / "tests")


@pytest.fixture(autouse=True)
def same_seed() -> None:
    """No test depends on the random numbers that the tests before it drew."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Runs a test as users run the code, without type checks: for the errors that bad input meets inside."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real weights and images beside the checkout; tests that want it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/data beside the checkout")
    return folder


@pytest.fixture
def quick_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training leaves few pictures, no page and no ONNX file, which take longer than all the rest."""
    monkeypatch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
    monkeypatch.setattr("diode_pl.distillation.report.SHOWN", 2)
    monkeypatch.setattr("diode_pl.distillation.report.ANALYZED", 2)
    monkeypatch.setattr("diode_pl.distillation.report.try_write_page", lambda *_: None)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a training that nothing interrupted, which other ones are compared with."""
    from tests.training_run import EPOCHS, run

    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diode_pl.distillation.report.export_onnx", lambda *_: 0.0)
        run(folder, epochs=EPOCHS)
    return folder
