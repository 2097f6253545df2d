"""Detectors from ONNX files whose batch norm layers are still there."""
