"""Which classes a head never learned."""

import torch

from diode_pl.detector import Darknet
from diode_pl.detector.untrained_classes import untrained_classes


def test_classes_that_share_their_weights_were_never_learned() -> None:
    weights = torch.eye(5, 12)
    weights[4] = 3 * weights[1] + 0.01
    assert untrained_classes(weights).tolist() == [False, True, False, False, True]
    assert not untrained_classes(weights, twin_similarity=1.0).any()


def test_a_real_network_names_the_six_classes_that_it_never_finds(shared_data) -> None:
    folder = shared_data / "weights" / "mobilenetv2-yolov3-nano-coco"
    files = [next(folder.glob(f"*.{end}")) for end in ("cfg", "weights", "names")]
    network = Darknet(*files)
    unlearned = set(network.class_names) - set(network.learned_classes())
    # Its authors' own log counts neither a true nor a false positive for these.
    log = (folder / "COCOmAP.txt").read_text()
    silent = {line.split("name = ")[1].split(",")[0] for line in log.splitlines() if "(TP = 0, FP = 0)" in line}
    assert unlearned == silent & unlearned and len(unlearned) == 6
    assert Darknet(*files, twin_similarity=1.0).learned_classes().keys() == set(network.class_names)


def test_the_other_networks_have_learned_all(shared_data) -> None:
    for name in ("yolo-fastest-1.1-coco", "yolo-fastest-1.1-xl-coco", "mobilenetv2-yolov3-nano-voc"):
        folder = shared_data / "weights" / name
        network = Darknet(*(next(folder.glob(f"*.{end}")) for end in ("cfg", "weights", "names")))
        assert len(network.learned_classes()) == len(network.class_names)
