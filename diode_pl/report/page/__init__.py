"""The page of a run: one HTML file that needs nothing else."""

from diode_pl.report.page.writing import try_write_page, write_page

__all__ = ["try_write_page", "write_page"]
