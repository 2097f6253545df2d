"""Data-free knowledge distillation for object detection: from a trained detector to data and a student."""
