"""products.py: reads clang's syntax trees (-ast-dump) of several files, each below a line "= FILE", on standard input. Prints where
floats, or vectors of them, are multiplied by a plain * or fused by fmaf; exit 1 where that is so."""

import re
import sys

FUNCTION = re.compile(r"^[|`]-FunctionDecl .*? (\w+) '")
PRODUCT = re.compile(r"(?:Binary|CompoundAssign)Operator .*?'(?:simd_)?float'(?::'[^']*')? (?:lvalue )?'\*=?'")
FUSED = re.compile(r"DeclRefExpr .* Function 0x\w+ '(?:__builtin_)?fmaf'")

# The functions that the others are to use, and those in which a result below 2^-126 changes nothing: it is added to a number that
# is far larger, or cannot be.
MAY_MULTIPLY = {"simd_mul", "rng_float", "exponential", "cumulative"}
MAY_FUSE = {"simd_fma"}


def breaches(lines):
    file = function = ""
    for line in lines:
        if line.startswith("= "):
            file = line[2:].strip()
        elif match := FUNCTION.search(line):
            function = match[1]
        elif PRODUCT.search(line) and function not in MAY_MULTIPLY:
            yield f"{file}: {function} multiplies floats by a plain *: use simd_mul, or product (kernel/product.h)"
        elif FUSED.search(line) and function not in MAY_FUSE:
            yield f"{file}: {function} fuses floats without simd_fma"


def main():
    found = sorted(set(breaches(sys.stdin)))
    print("\n".join(found) or "products: no breach")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
