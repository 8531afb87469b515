"""Instructions of kernels, as callgrind counts them.

count.py images FOLDER                     a little data set of fixed images, in IDX files
count.py table COMPILER MODEL=PROFILE...   prints a table, to be kept as expected.txt: instructions an image in step_run and, inside
                                           of it, in every kernel
count.py check TABLE MODEL=PROFILE...      says what is not as the table has it; exit 1 where more is needed than it allows

PROFILE is a file of callgrind ("Callgrind Format Specification", Valgrind's manual, 10.1); counts include what a function calls.
"""
import collections
import pathlib
import re
import struct
import sys

IMAGES, SIDE, MARGIN = 32, 28, 4
TOLERANCE = 0.03
WHOLE = "step_run"
KERNEL = re.compile(r"(\w+)_avx2")
LEAST = 100  # instructions an image: what needs fewer is not worth a line


def write_images(folder):
    """Ink at random in the inner square, by the linear congruential generator of the C standard's example."""
    state = 1
    folder.mkdir()
    for name, count in (("train", IMAGES), ("t10k", 10)):
        pixels = bytearray()
        for place in range(count * SIDE * SIDE):
            row, col = place // SIDE % SIDE, place % SIDE
            state = (state * 1103515245 + 12345) % 2**31
            inside = MARGIN <= row < SIDE - MARGIN and MARGIN <= col < SIDE - MARGIN
            pixels.append(1 + (state >> 8) % 255 if inside and (state >> 16) % 2 else 0)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, SIDE, SIDE) + pixels)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + bytes(i % 10 for i in range(count)))


def inclusive(path):
    """{function: instructions}, those of the functions it calls included. Numbers in parentheses stand for names."""
    names, cost = {}, collections.Counter()
    function, is_call = None, False
    for line in pathlib.Path(path).read_text().splitlines():
        found = re.fullmatch(r"(c?)fn=\((\d+)\)(?: (.*))?", line)
        if found:
            names[found[2]] = found[3] or names[found[2]]
            function = function if found[1] else names[found[2]]
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+\-*\d]", line):
            # a function that calls itself would count itself twice; none of ours does
            cost[function] += int(line.split()[-1])
            is_call = False
    assert not is_call, "a call without its cost"
    return cost


def counts(arguments):
    """{(model, name): instructions an image}."""
    found = {}
    for model, path in (argument.split("=") for argument in arguments):
        cost = inclusive(path)
        assert cost[WHOLE] > 0, f"{path}: nothing of {WHOLE}"
        for function, instructions in cost.items():
            kernel = KERNEL.fullmatch(function)
            each = round(instructions / IMAGES)
            if function == WHOLE:
                found[model, WHOLE] = each
            elif kernel and each >= LEAST:
                found[model, kernel[1]] = each
    return found


def print_table(compiler, arguments):
    print(f"# {compiler}")
    print("# Made by: tests/count/instructions.sh --update")
    for (model, name), each in sorted(counts(arguments).items()):
        print(f"{model:10} {name:24} {each:9}")


def check(table, arguments):
    rows = [line.split() for line in pathlib.Path(table).read_text().splitlines() if not line.startswith("#")]
    expected = {(model, name): int(each) for model, name, each in rows}
    found, bad = counts(arguments), 0
    for key in sorted(expected | found):
        here, there = found.get(key), expected.get(key)
        if here and there and abs(here - there) <= TOLERANCE * there:
            continue
        more = here and there and here > there or key[1] == WHOLE and not there
        bad += bool(more)
        change = f" ({100 * (here - there) / there:+.1f} %)" if here and there else ""
        print(f"{'MORE' if more else 'note'}: {key[0]} {key[1]}: {here} instructions an image, expected {there}{change}")
    return 1 if bad else 0


def main(what, *arguments):
    if what == "images":
        return write_images(pathlib.Path(arguments[0]))
    if what == "table":
        return print_table(arguments[0], arguments[1:])
    return check(arguments[0], arguments[1:])


sys.exit(main(*sys.argv[1:]))
