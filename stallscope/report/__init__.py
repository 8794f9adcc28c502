"""Results as documents, tables and files."""

from stallscope.report.document import estimate_document, result_document
from stallscope.report.outputs import OutputFolder, json_text

__all__ = ["OutputFolder", "estimate_document", "json_text", "result_document"]
