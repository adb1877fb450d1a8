"""Small workbooks (.xlsx), made from the XML of their rows or from lists."""

import io
import zipfile
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DATE_STYLES = f'<styleSheet {MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'


def workbook(rows, *, texts=(), **more_sheets):
    """rows : the XML of the first sheet, or lists of cells; more_sheets : by name"""
    sheets = {"Sheet1": rows} | more_sheets
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Target="xl/workbook.xml"'
            f' Type="{RELATIONS}/officeDocument"/></Relationships>',
        )
        names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
        archive.writestr(
            "xl/workbook.xml", f'<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets>{names}</sheets></workbook>'
        )
        links = "".join(
            f'<Relationship Id="rId{n}" Target="worksheets/sheet{n}.xml" Type="{RELATIONS}/worksheet"/>'
            for n in range(1, len(sheets) + 1)
        )
        links += f'<Relationship Id="rIdS" Target="styles.xml" Type="{RELATIONS}/styles"/>'
        links += f'<Relationship Id="rIdT" Target="sharedStrings.xml" Type="{RELATIONS}/sharedStrings"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'
        )
        archive.writestr("xl/styles.xml", DATE_STYLES)
        shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
        archive.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{shared}</sst>")
        for number, content in enumerate(sheets.values(), 1):
            xml = content if isinstance(content, str) else "".join(map(_row, range(1, len(content) + 1), content))
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml", f"<worksheet {MAIN}><sheetData>{xml}</sheetData></worksheet>"
            )
    return sink.getvalue()


def _row(number, cells):
    filled = "".join(_cell(number, letter, cell) for letter, cell in zip("ABCDEFGH", cells, strict=False))
    return f'<row r="{number}">{filled}</row>'


def _cell(row, letter, cell):
    """A date is given as its day of Excel in a tuple: (43832,)."""
    if cell is None:
        return ""
    if isinstance(cell, tuple):
        return f'<c r="{letter}{row}" s="1"><v>{cell[0]}</v></c>'
    if isinstance(cell, str):
        return f'<c r="{letter}{row}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f'<c r="{letter}{row}"><v>{cell}</v></c>'
