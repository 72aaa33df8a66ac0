"""Files that are something else, whatever their name: web pages, XML, JSON, PDF."""

from __future__ import annotations

import re

LOGIN = re.compile(r"type=[\"']?password|log[ -]?in|sign[ -]?in|anmelden|connexion", re.IGNORECASE)
WEB_PAGE = re.compile(r"<(?:!doctype html|html|head|body|table|meta|script|div)\b", re.IGNORECASE)
TABLE = re.compile(r"<t[rd]\b", re.IGNORECASE)
XML_TAG = re.compile(r"</[A-Za-z_][\w.:-]*>|/>")
JSON_OBJECT = re.compile(r"\[?\s*\{\s*(?:\"(?:[^\"\\]|\\.)*\"\s*:|\})")


def describe_non_csv_text(text: str) -> str | None:
    """Say what text is that is neither CSV nor a workbook, and what to do about it.

    Parameters
    ----------
    text : str
        Its first thousands of characters.

    Returns
    -------
    str, optional
        Such as "a web page (HTML), ...", to follow "it is"; None if it may be a table.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("%PDF"):
        return "a PDF document, not a table: export the orders as CSV or as a workbook"
    if start.startswith("<"):
        return _describe_tags(start)
    if JSON_OBJECT.match(start) or start.startswith("[["):
        return "JSON, not CSV, so rename it to end in .json, or in .jsonl if each line is an object"
    return None


def _describe_tags(text: str) -> str | None:
    if WEB_PAGE.search(text):
        if TABLE.search(text):
            return "a web page (HTML) with a table: open it in Excel or LibreOffice and save it as .xlsx or .csv"
        if LOGIN.search(text):
            return "a web page (HTML) that asks to log in: do so in a browser and download the file again"
        return "a web page (HTML), not the file itself: download that (on GitHub by its button Raw)"
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        return "a workbook written as XML: open it in Excel or LibreOffice and save it as .xlsx"
    if text.startswith(("<?xml", "<!--")) or XML_TAG.search(text):
        return "XML, not CSV: export the orders as CSV or as a workbook"
    return None
