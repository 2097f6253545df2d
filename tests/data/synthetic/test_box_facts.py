"""What is known of each box."""

from diode_pl.data.synthetic.box_facts import describe_boxes

ENTRY = {"boxes": [[0.0, 0.0, 9.0, 9.0], [20.0, 20.0, 9.0, 9.0]], "labels": [0, 1]}


def test_scores_origin_and_whether_the_verifier_sees_it() -> None:
    found = {"teacher": [ENTRY | {"scores": [0.9, 0.2]}], "verifier": [ENTRY | {"scores": [0.1, 0.8]}]}
    record = {"images": [ENTRY], "detections": found, "known_classes": {"verifier": [0]}}
    record |= {"origins": [["sampled", "grown"]]}
    assert describe_boxes(record) == [
        [
            {"score": 0.9, "verifier_score": 0.1, "seen_by_verifier": False, "origin": "sampled"},
            {"score": 0.2, "origin": "grown"},  # of a class that the verifier does not know
        ]
    ]


def test_a_record_of_an_earlier_version_tells_nothing() -> None:
    assert describe_boxes({"images": [ENTRY]}) == [[{}, {}]]
