"""golden_rows.py FILE: the rows of a table src/train/numerics_N.inc, one a line: name, digest and settings, with tabs between."""

import re
import sys

ROW = re.compile(r'^ROW\(((?:\s*(?:"[^"\n]*"\s*)+,?)+)\)', re.MULTILINE)
STRINGS = re.compile(r'(?:"[^"\n]*"\s*)+')


def rows(text):
    """The texts of each row; neighbours without a comma between them are one text, as in C."""
    for row in ROW.findall(text):
        yield ["".join(re.findall(r'"([^"\n]*)"', text)) for text in STRINGS.findall(row)]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as table:
        text = table.read()
    found = list(rows(text))
    if len(found) != len(re.findall(r"^ROW\(", text, re.MULTILINE)):
        sys.exit(f"{sys.argv[1]}: a row is not a list of texts")
    for row in found:
        print("\t".join(row))
