"""rooms.py ROOT: who includes whom, and who holds which exclusive right. Prints each breach; exit 1 when there is one."""

import os
import re
import sys

import source_text

SIBLINGS = ("model", "optim", "data", "comm", "io")
BELOW = {
    "base": (),
    "kernel": ("base",),
    "layer": ("kernel", "base"),
    "model": ("layer", "kernel", "base"),
    "optim": ("kernel", "base"),
    "data": ("kernel", "base"),
    "comm": ("base",),
    "io": ("base",),
    "train": SIBLINGS + ("layer", "kernel", "base"),
    "app": ("train",) + SIBLINGS + ("layer", "kernel", "base"),
}

TRANSCENDENTAL = (
    "exp exp2 expm1 exp10 log log2 log10 log1p sin cos sincos tan asin acos atan atan2 sinh cosh tanh "
    "asinh acosh atanh pow cbrt hypot erf erfc tgamma lgamma"
).split()

# Not a member's name (a.free) and not the tail of a longer one (arena_free).
CALL = r"(?<![\w.])(?<!->)(?:%s)\s*\("

# what is exclusive, how it looks in the source, the paths that may
RIGHTS = [
    ("<mpi.h>", r'#\s*include\s*[<"]mpi\.h', r"src/comm/"),
    ("<hdf5.h>", r'#\s*include\s*[<"]hdf5', r"src/io/"),
    ("<blis.h>", r'#\s*include\s*[<"](?:blis|cblas)', r"src/kernel/"),
    ("<omp.h>", r'#\s*include\s*[<"]omp\.h', r"src/base/team\.c$"),
    ("<pthread.h>", r'#\s*include\s*[<"](?:pthread|threads)\.h', r"src/base/(?:team|watchdog)\.c$"),
    ("#pragma omp simd", r'(?:#\s*pragma\s+|_Pragma\s*\(\s*")omp\s+simd\b', r"src/(?:base/team\.c$|kernel/)"),
    ("#pragma omp", r'(?:#\s*pragma\s+|_Pragma\s*\(\s*")omp\s+(?!simd\b)', r"src/base/team\.c$"),
    ("the heap", CALL % "malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|strndup", r"src/base/arena\.c$"),
    (
        "printing",
        CALL % "printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|putc|fputc|fwrite",
        r"src/(?!app/)|include/|src/app/(?:print|progress|streams|options_help)\.c$",
    ),
    ("exit", CALL % "exit", r"src/(?:app/main|base/error)\.c$"),
    ("libm's " + "transcendental functions", CALL % "|".join(name + "[fl]?" for name in TRANSCENDENTAL), r"$^"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def include_breaches(root, path, text):
    own = path.split(os.sep)[1]
    if own not in BELOW:
        yield f"{path}: '{own}' is no room"
        return
    for match in INCLUDE.finditer(text):
        target = match[1].split("/")[0]
        where = f"{path}:{line_of(text, match.start())}"
        beside = os.path.join(root, os.path.dirname(path), match[1])
        if target in BELOW and "/" in match[1]:
            if target != own and target not in BELOW[own]:
                yield f"{where}: {own} must not include {target}"
        elif not os.path.exists(beside):
            yield f'{where}: "{match[1]}" names no room'


def right_breaches(path, text, code):
    for name, pattern, allowed in RIGHTS:
        if re.match(allowed, path):
            continue
        # Includes and _Pragma hold their words in strings; calls must be looked for outside of them.
        searched = code if pattern.startswith("(?<!") else text
        for match in re.finditer(pattern, searched):
            yield f"{path}:{line_of(searched, match.start())}: {name} may not be used here"


def main():
    root = sys.argv[1]
    breaches = []
    for path in source_text.c_files(root, ("src", "include")):
        source = source_text.read(root, path)
        text = source_text.without_comments(source)
        breaches += include_breaches(root, path, text)
        breaches += right_breaches(path, text, source_text.without_strings(source))
    print("\n".join(breaches) or "rooms: no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
