import numpy as np

from tests.shapes.scenes import scenes


def test_color_says_nothing_about_the_class() -> None:
    """A classifier that learns the mean color and brightness of the things of each class does as well as chance."""
    colors, labels = [], []
    for drawn in scenes("shapes"):
        for i, label in enumerate(drawn.labels):
            seen = drawn.silhouettes[i] & ~drawn.silhouettes[i + 1 :].any(axis=0)
            pixels = drawn.image[seen].astype(float)
            colors.append(np.concatenate([pixels.mean(axis=0), [pixels.mean()]]))
            labels.append(label)
    feature, known = np.array(colors), np.array(labels)
    half = len(known) // 2
    means = np.stack([feature[:half][known[:half] == label].mean(axis=0) for label in range(8)])
    guessed = np.square(feature[half:, None] - means).sum(axis=2).argmin(axis=1)
    assert half > 200 and (guessed == known[half:]).mean() < 0.125 + 0.07
