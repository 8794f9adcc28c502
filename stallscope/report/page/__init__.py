"""A recorded run as one HTML page that needs nothing else."""

from stallscope.report.page.writing import report_folder

__all__ = ["report_folder"]
