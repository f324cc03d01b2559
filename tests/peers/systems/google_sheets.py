"""The Google Sheets API v4: what sheets a spreadsheet has, and the values of ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from systems.google_api import Api, RefusedError, invalid

GET = {"fields", "includeGridData", "ranges"}
BATCH = {"ranges", "valueRenderOption", "dateTimeRenderOption", "majorDimension"}
ENUMS = {
    "valueRenderOption": {"FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"},
    "dateTimeRenderOption": {"SERIAL_NUMBER", "FORMATTED_STRING"},
    "majorDimension": {"ROWS", "COLUMNS"},
}
CELLS = re.compile(r"([A-Z]+)(\d+)?(?::([A-Z]+)(\d+)?)?")


@dataclass(frozen=True)
class Day:
    """A cell with a date: Sheets' number of the day, and how its format shows it."""

    serial: float
    shown: str


@dataclass
class Spreadsheet:
    """Sheets by their titles, each a list of rows; `charts` are sheets without cells, `named` has named ranges."""

    sheets: dict = field(default_factory=dict)
    charts: list = field(default_factory=list)
    named: dict = field(default_factory=dict)
    shared: bool = True


class Sheets(Api):
    """Spreadsheets by their IDs."""

    scopes = (
        "https://www.googleapis.com/auth/spreadsheets.readonly",
        "https://www.googleapis.com/auth/spreadsheets",
        "https://www.googleapis.com/auth/drive.readonly",
    )

    def __init__(self, tokens):
        super().__init__(tokens)
        self.spreadsheets = {}

    def answer(self, asked):
        found = re.fullmatch(r"/v4/spreadsheets/([\w-]+)(/values:batchGet)?", asked.path)
        if not found or asked.method != "GET" or found[1] not in self.spreadsheets:
            raise RefusedError(404, "NOT_FOUND", "Requested entity was not found.")
        held = self.spreadsheets[found[1]]
        if not held.shared:
            raise RefusedError(403, "PERMISSION_DENIED", "The caller does not have permission")
        _hold(asked, BATCH if found[2] else GET)
        if not found[2]:
            return _masked(_description(found[1], held), asked.query.get("fields"))
        ranges = [value for key, value in asked.pairs if key == "ranges"]
        return {"spreadsheetId": found[1], "valueRanges": [_values(held, text, asked.query) for text in ranges]}


def _hold(asked, known):
    for key, value in asked.pairs:
        if key not in known:
            raise invalid(f'Invalid JSON payload received. Unknown name "{key}": Cannot bind query parameter.')
        if key in ENUMS and value not in ENUMS[key]:
            raise invalid(f"Invalid value at '{key}' (type.googleapis.com/google.apps.sheets.v4), \"{value}\"")


def _description(name, held):
    kinds = [(title, "GRID") for title in held.sheets] + [(title, "OBJECT") for title in held.charts]
    sheets = [
        {"properties": {"sheetId": number, "title": title, "index": number, "sheetType": kind}}
        for number, (title, kind) in enumerate(kinds)
    ]
    return {"spreadsheetId": name, "properties": {"title": "A spreadsheet", "locale": "en_US"}, "sheets": sheets}


def _masked(document, mask):
    """Return a document by a field mask without nested brackets, like `sheets.properties(title,sheetType)`."""
    if mask is None:
        return document
    found = re.fullmatch(r"sheets\.properties\(([a-zA-Z,]+)\)", mask)
    if not found:
        raise invalid(f"Invalid field selection {mask}")
    kept = found[1].split(",")
    cut = [{key: sheet["properties"][key] for key in kept} for sheet in document["sheets"]]
    return {"sheets": [{"properties": properties} for properties in cut]}


def _values(held, text, options):
    asked = held.named.get(text, text)
    quoted = re.fullmatch(r"'((?:[^']|'')+)'(?:!(.+))?", asked)
    title, cells = (quoted[1].replace("''", "'"), quoted[2]) if quoted else (asked, None)
    if not quoted:
        title, _, cells = asked.partition("!")
    grid, part = held.sheets.get(title), CELLS.fullmatch(cells) if cells else None
    needs_quotes = not re.fullmatch(
        r"\w+", title
    )  # https://developers.google.com/workspace/sheets/api/guides/concepts
    if grid is None or (cells and not part) or (needs_quotes and not quoted):
        raise invalid(f"Unable to parse range: {text}")
    rows = _part(grid, part) if part else grid
    values = [_trimmed([_rendered(cell, options) for cell in row]) for row in rows]
    while values and not values[-1]:
        values.pop()
    shown = f"'{title}'!{cells or 'A1:Z1000'}"
    return {"range": shown, "majorDimension": "ROWS"} | ({"values": values} if values else {})


def _part(grid, part):
    left, top, right, bottom = part.groups()
    rows = grid[int(top or 1) - 1 : int(bottom) if bottom else None]
    return [row[_column(left) - 1 : _column(right or left)] for row in rows]


def _column(letters):
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _rendered(cell, options):
    if isinstance(cell, Day):
        raw = options.get("valueRenderOption") == "UNFORMATTED_VALUE"
        serial = raw and options.get("dateTimeRenderOption", "SERIAL_NUMBER") == "SERIAL_NUMBER"
        return cell.serial if serial else cell.shown
    if options.get("valueRenderOption") == "UNFORMATTED_VALUE" or isinstance(cell, str):
        return cell
    return {True: "TRUE", False: "FALSE"}[cell] if isinstance(cell, bool) else f"{cell:,}"


def _trimmed(row):
    while row and row[-1] == "":
        row.pop()
    return row
