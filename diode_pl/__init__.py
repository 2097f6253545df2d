"""Data-free knowledge distillation for object detection: from a trained detector to data and a student.

Example:
    >>> import diode_pl, tempfile, torch
    >>> folder = tempfile.mkdtemp()
    >>> teacher = diode_pl.load_detector(weights="embedded")
    >>> images = diode_pl.synthesize_images(teacher, f"{folder}/images", 2, 64, iterations=4, accelerator="cpu")
    >>> len(images), str(images.provenance)
    (2, 'teacher-only')
    >>> student = diode_pl.load_detector(width=0.1)
    >>> options = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "accelerator": "cpu"}
    >>> diode_pl.distill_student(student, teacher, images, f"{folder}/student", **options)
    >>> len(diode_pl.predict(student, torch.rand(3, 3, 64, 64)))
    3
"""

import lazy_loader

# Loaded on first use: whoever imports one module of the package does not wait for all of them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
