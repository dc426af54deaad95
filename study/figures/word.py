"""One table as a Word file: caption with the table's number, three rules as in journals, columns as wide as needed.

And the captions of all figures as one file, which journals want apart from the pictures.
"""

import io
import re
import zipfile

from study.figures.table_layout import lay_out, tied
from study.results.words import MISSING

SIDE_MM, EDGE_MM = (210.0, 297.0), 20.0  # of the sheet; of its margins
PT_PER_MM = 72 / 25.4
PORTRAIT, LANDSCAPE = "portrait", "landscape"
CAPTION_SIZE = 11.0  # letters of figures' captions (points)
GAP = 8.0  # white between columns (points), half of it on each side of a cell
SPARE = 1.0  # in each column (points): Word rounds widths
NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_of(cell):
    """One line of text that XML can hold; what it cannot is shown as unreadable."""
    return NOT_IN_XML.sub("\ufffd", tied(cell))


def table(header, rows, caption, note, name, keywords=""):
    """The file's bytes.

    Parameters
    ----------
    header : list of str
    rows : list of list of str
    caption, note : str
        Above and below the table; the note may be empty.
    name : str
        Of the file, which has the table's number.
    keywords : str
        Among the file's properties.
    """
    from docx.shared import Pt

    header = [text_of(text) for text in header]
    rows = [[text_of(text) or MISSING for text in row] for row in rows]
    # the narrowest place is the sheet as it is: a Word file has no columns
    places = {PORTRAIT: PT_PER_MM * (SIDE_MM[0] - 2 * EDGE_MM), "": PT_PER_MM * (SIDE_MM[0] - 2 * EDGE_MM),
              LANDSCAPE: PT_PER_MM * (SIDE_MM[1] - 2 * EDGE_MM)}  # fmt: skip
    layout = lay_out(header, rows, {place: width - GAP - SPARE for place, width in places.items()}, GAP + SPARE)

    document = _empty(layout.size, keywords, landscape=layout.place == LANDSCAPE)
    number = re.match(r"Table_(S?\d+)", name)
    title = document.add_paragraph(
        f"Table {number[1]}. {text_of(caption)}" if number else text_of(caption), style="Caption"
    )
    title.paragraph_format.keep_with_next = True
    _add_table(document, header, rows, layout)
    if note:
        below = document.add_paragraph(text_of(note))
        below.paragraph_format.space_before = Pt(4)
    return _without_dates(document)


def captions(listed, keywords=""):
    """The bytes of a file with captions of figures, a paragraph each.

    Parameters
    ----------
    listed : list of (str, str)
        Number, such as ``Figure 3``, and text of each.
    keywords : str
        Among the file's properties.
    """
    from docx.shared import Pt

    document = _empty(CAPTION_SIZE, keywords)
    for number, text in listed:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{text_of(number)}. ").bold = True
        paragraph.add_run(NOT_IN_XML.sub("\ufffd", text))
        paragraph.paragraph_format.space_after = Pt(CAPTION_SIZE)
    return _without_dates(document)


def _empty(size, keywords, landscape=False):
    """A document without text, its sheet, letters and properties set."""
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm

    document = docx.Document()
    document.core_properties.title = document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.keywords = keywords
    _set_fonts(document, size)
    sheet = document.sections[0]
    width, height = SIDE_MM[::-1] if landscape else SIDE_MM
    sheet.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    sheet.page_width, sheet.page_height = Mm(width), Mm(height)
    sheet.left_margin = sheet.right_margin = sheet.top_margin = sheet.bottom_margin = Mm(EDGE_MM)
    return document


def _set_fonts(document, size):
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    for name in ("Normal", "Caption"):
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = "Arial", Pt(size), RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{kind}"), None)
        style.paragraph_format.space_after = Pt(3)


def _add_table(document, header, rows, layout):
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    def rules(parent, kind, *edges):
        borders = OxmlElement(kind)
        for edge in edges:
            rule = OxmlElement(f"w:{edge}")
            for key, setting in (("val", "single"), ("sz", "6"), ("space", "0"), ("color", "000000")):
                rule.set(qn(f"w:{key}"), setting)
            borders.append(rule)
        after = ("w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")  # Word requires this order
        parent.insert_element_before(borders, *after)

    table = document.add_table(rows=0, cols=len(header))
    table.autofit = False
    rules(table._tbl.tblPr, "w:tblBorders", "top", "bottom")
    _set_cell_margins(table, GAP / 2)
    widths = [Pt(width + GAP + SPARE) for width in layout.widths]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in [header, *rows]:
        added = table.add_row()
        added._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, text, width, numeric in zip(added.cells, row, widths, layout.numeric, strict=True):
            cell.text, cell.width = text, width
            paragraph = cell.paragraphs[0]
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if numeric else WD_ALIGN_PARAGRAPH.LEFT
            paragraph.paragraph_format.space_after = Pt(1)
    head = table.rows[0]
    head._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell in head.cells:
        rules(cell._tc.get_or_add_tcPr(), "w:tcBorders", "bottom")


def _set_cell_margins(table, side):
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    margins = OxmlElement("w:tblCellMar")
    for edge in ("left", "right"):
        margin = OxmlElement(f"w:{edge}")
        margin.set(qn("w:w"), f"{20 * side:.0f}")  # twentieths of a point
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.insert_element_before(margins, "w:tblLook")


def _without_dates(document):
    """The file's bytes without the times in its zip archive, which would differ from one run to the next."""
    packed, undated = io.BytesIO(), io.BytesIO()
    document.save(packed)
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(undated, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            target.writestr(zipfile.ZipInfo(part), source.read(part), zipfile.ZIP_DEFLATED)
    return undated.getvalue()
