"""Detectors with networks of the package ultralytics, which is licensed under AGPL-3.0 and not a dependency."""
