#!/usr/bin/env bash
# No two files of src use each other, however many files lie between; rooms use the rooms below them alone; what a file
# exports is used. The object files of the build say who uses whom.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
compiler=${CC:-gcc}
need_command python3
need_command nm
need_command "$compiler"
[[ -n ${BUILD_DIR:-} ]] || skip 'BUILD_DIR does not name a build'

# part LIBRARY PATH: the source on standard input, and its object where CMake would put it
part() {
    local object=$scratch/build/${2%%/*}/CMakeFiles/$1.dir/${2#*/}.o
    sample "$2"
    mkdir -p "${object%/*}"
    "$compiler" -c -o "$object" "$scratch/$2"
}

# anew: the samples below stand in a project of their own
anew() {
    rm -rf "${scratch:?}"/*
}

circles() {
    python3 "$here/circles.py" "$scratch/build" "$scratch"
}

# Three files in a circle, two of them in one room.
part md_io src/io/first.c <<<'int second(void); int first(void) { return second(); }'
part md_io src/io/second.c <<<'int third(void); int second(void) { return third(); }'
part md_base src/base/third.c <<<'int first(void); int third(void) { return first(); }'
must_catch 'a circle: src/base/third.c, src/io/first.c, src/io/second.c' circles
must_catch 'src/io/second.c uses third of src/base/third.c' circles

# One source, compiled for two instruction sets, is one file.
anew
part md_kernel src/kernel/choose.c <<<'int f_a(void), f_b(void); int choose(void) { return f_a() + f_b(); }'
part md_kernel_a src/kernel/isa/f.c <<<'int choose(void); int f_a(void) { return choose(); }'
part md_kernel_b src/kernel/isa/f.c <<<'int f_b(void) { return 1; }'
must_catch 'a circle: src/kernel/choose.c, src/kernel/isa/f.c' circles

anew
part md_base src/base/low.c <<<'int high(void); int low(void) { return high(); }'
part md_comm src/comm/high.c <<<'int high(void) { return 1; }'
must_catch 'base must not use high of comm' circles

anew
part md_io src/io/write.c <<<'extern const int table[]; int write_it(void) { return table[0]; }'
part md_comm src/comm/send.c <<<'const int table[] = {1};'
must_catch 'io must not use table of comm' circles

anew
part md_base src/base/text.c <<<'int unused; static int own; int used(void) { return own++; }'
part md_base src/base/main.c <<<'int used(void); int main(void) { return used(); }'
must_catch 'src/base/text.c: no other file uses unused' circles

anew
must_catch 'no object files' circles

# No breach: downwards, within a room, into the C library, and a symbol that only a test uses; the object of a source that
# is gone.
part md_base src/base/text.c <<<'int tested(void) { return 1; } int used(void) { return 2; }'
part md_base src/base/gone.c <<<'int forgotten(void) { return 1; }'
rm "$scratch/src/base/gone.c"
part md_app src/app/print.c <<<'int puts(const char *), used(void); int print(void) { return puts("x") + used(); }'
part mnist_dist src/app/main.c <<<'int print(void), used(void); int main(void) { return print() + used(); }'
part test_unit_text tests/unit/text.c <<<'int tested(void); int main(void) { return tested(); }'
circles

python3 "$here/circles.py" "$BUILD_DIR" "$root"
