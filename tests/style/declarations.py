"""declarations.py ROOT: where a comment beside code has torn the code apart, or stands where it is not looked for.

A comment that does not fit on the line of its declaration stands above it. Prints each place; exit 1 when there is one.
"""

import re
import sys

import source_text

# Heads of statements, whose body may stand on the next line.
HEAD = re.compile(r"\s*(?:\}\s*)?(?:else|(?:else )?if\b.*\)|for\b.*\)|while\b.*\)|case\b.*|do)\s*")
# An enumerator: one to a line, where one has a comment.
ENUMERATOR = re.compile(r"\s*[A-Z][A-Z0-9_]*\s*(?:=[^;]*)?,?\s*")
COLUMNS = 100


def comment_column(line, code):
    """Where the comment behind the code of a line begins; None when there is no code, or no comment."""
    behind = line[len(code.rstrip()) :]
    return line.index("/", len(code.rstrip())) if code.strip() and behind.strip().startswith("/") else None


def torn(lines, code):
    """Code on two lines that fits on one: clang-format broke it to gain room for the comment behind it."""
    for number in range(len(code) - 1):
        first, second = code[number].rstrip(), code[number + 1].strip()
        if not first or not second or first.endswith((";", "{", "}", ":", "\\")) or second[0] in "{}#":
            continue
        if first.lstrip().startswith("#") or HEAD.fullmatch(first):
            continue
        if first.endswith(",") and ENUMERATOR.fullmatch(second):
            continue
        blank = "" if first[-1] in "(*" or second[0] in "[," else " "
        behind = comment_column(lines[number], code[number]) is None
        if behind and comment_column(lines[number + 1], code[number + 1]) is not None:
            if len(first) + len(blank) + len(second) <= COLUMNS:
                yield number, "code is torn for the comment behind it"


def comments_beside_code(lines, code, braces):
    depth = 0
    column = None
    for number, line in enumerate(lines):
        above, column = column, comment_column(line, code[number])
        opened = depth
        depth += braces[number].count("{") - braces[number].count("}")
        if column is None:
            if above is not None and re.match(r"\s{%d}/[*/]" % above, line):
                yield number, "a comment beside code goes on in the next line"
            continue
        if line[column:].startswith("/*") and "*/" not in line[column:]:
            yield number, "a comment beside code goes on in the next line"
        if depth < opened and re.search(r"\}[^{}]*$", code[number]) and code[number].rstrip()[-1] in ";}":
            yield number, "a comment behind a closing brace"


def main():
    root = sys.argv[1]
    places = []
    for path in source_text.c_files(root, ("src", "include", "tests")):
        text = source_text.read(root, path)
        lines, code = text.splitlines(), source_text.without_comments(text).splitlines()
        braces = source_text.without_strings(text).splitlines()
        found = [*torn(lines, code), *comments_beside_code(lines, code, braces)]
        places += [f"{path}:{number + 1}: {words}" for number, words in sorted(found)]
    print("\n".join(places) or "declarations: all whole")
    return 1 if places else 0


sys.exit(main())
