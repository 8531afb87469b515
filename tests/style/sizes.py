"""sizes.py ROOT: what outgrew its bounds. Prints each case; exit 1 when there is one.

Bounds: .c files 520 lines; lines 100 columns, 128 where they are (or end in) a comment; functions 60 lines and 7 parameters,
those behind a pointer, too.
"""

import re
import sys

import source_text

FILE_LINES, COLUMNS, COMMENT_COLUMNS = 520, 100, 128
FUNCTION_LINES, PARAMETERS = 60, 7


def long_lines(path, text):
    code = source_text.without_comments(text).splitlines()
    for number, line in enumerate(text.splitlines(), 1):
        commented = code[number - 1].rstrip() != line.rstrip()
        bound = COMMENT_COLUMNS if commented else COLUMNS
        if len(line) > bound or len(code[number - 1].rstrip()) > COLUMNS:
            yield f"{path}:{number}: {len(line)} columns"


def functions(text):
    """(first line, last line, head) of every function; their braces stand in column 0."""
    code = source_text.without_strings(text).splitlines()
    opened = None
    for number, line in enumerate(code):
        if line.rstrip() == "{" and number > 0 and code[number - 1].strip():
            opened = number
        elif line.rstrip() == "}" and opened is not None:
            first = opened
            while first > 0 and code[first - 1].strip() and code[first - 1].strip()[-1] not in ";}":
                first -= 1
            yield first + 1, number + 1, " ".join(code[first:opened])
            opened = None


def parameters(head):
    """How many a function takes: the last parentheses of its head hold them, since a macro may write its name."""
    depth, count = 0, 0
    for letter in head:
        depth += (letter == "(") - (letter == ")")
        if letter == "(" and depth == 1:
            count = 1
        count += letter == "," and depth == 1
    return count


def pointers(text):
    """(line, parameters) of every pointer to a function: a member, a type, a parameter."""
    code = source_text.without_strings(text)
    for match in re.finditer(r"\(\s*\*\s*(?:const\s+)?\w*(?:\[\w*\])?\s*\)\s*\(", code):
        end, depth = match.end(), 1
        while depth and end < len(code):
            depth += (code[end] == "(") - (code[end] == ")")
            end += 1
        yield code.count("\n", 0, match.start()) + 1, parameters(code[match.end() - 1 : end])


def large_functions(path, text):
    for first, last, head in functions(text):
        if last - first + 1 > FUNCTION_LINES:
            yield f"{path}:{first}: a function of {last - first + 1} lines"
        if parameters(head) > PARAMETERS:
            yield f"{path}:{first}: a function of {parameters(head)} parameters"
    for line, count in pointers(text):
        if count > PARAMETERS:
            yield f"{path}:{line}: a function of {count} parameters"


def main():
    root = sys.argv[1]
    cases = []
    for path in source_text.c_files(root, ("src", "include", "tests")):
        text = source_text.read(root, path)
        cases += long_lines(path, text)
        cases += large_functions(path, text)
        count = text.count("\n")
        if path.endswith(".c") and count > FILE_LINES:
            cases.append(f"{path}: {count} lines")
    print("\n".join(cases) or "sizes: all within bounds")
    return 1 if cases else 0


sys.exit(main())
