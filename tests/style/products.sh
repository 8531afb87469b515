#!/usr/bin/env bash
# Products of floats are written with simd_mul, simd_fma or product, which also decide results next to 2^-126.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command python3
need_command clang
[[ -d /usr/aarch64-linux-gnu/include ]] || skip 'the C library of aarch64 is not installed'
aarch64_flags

# products FILE...: clang knows the types of operands; aarch64 is where it matters who decides
products() {
    local file
    for file in "$@"; do
        printf '= %s\n' "$file"
        clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include "${flags[@]}" -fsyntax-only \
            -fno-color-diagnostics -Xclang -ast-dump "$file" || return
    done | python3 "$here/products.py"
}

# try WORDS BODY: a kernel with this body is caught
try() {
    sample bad.c <<<"#include \"kernel/isa/variants.h\"
simd_float f(simd_float a, simd_float b, simd_float c);
float g(float x, float y);
double h(double x, double y);
simd_float f(simd_float a, simd_float b, simd_float c) { return $2; }
float g(float x, float y) { return $3; }
double h(double x, double y) { return x * y; }"
    must_catch "$1" products "$scratch/bad.c"
}

try 'bad.c: f multiplies floats by a plain *' 'a * b + c' 'x + y'
try 'bad.c: f multiplies floats by a plain *' 'a += b, c *= a' 'x + y'
try 'bad.c: f multiplies floats by a plain *' 'c + 2 * a' 'x + y'
try 'bad.c: g multiplies floats by a plain *' 'a + b - c' 'x + x * y'
try 'bad.c: g fuses floats without simd_fma' 'a + b - c' '__builtin_fmaf(x, y, y)'

# What may be: sums, quotients, double, integers, the functions themselves.
sample good.c <<'END'
#include "kernel/isa/variants.h"
double f(int i, double x, simd_int lanes);
double f(int i, double x, simd_int lanes)
{
    simd_float a = simd_set((float)i), b = simd_mul(a, a), c = simd_fma(a, b, a);
    simd_int n = lanes * 3;
    return (double)(a / b + c - a)[n[0]] * x * (i * 2);
}
END
products "$scratch/good.c"

cd "$root"
mapfile -t files < <(aarch64_files | grep -vx 'src/kernel/gemm_blis\.c') # BLIS' headers have products
((${#files[@]} > 0))
products "${files[@]}"
