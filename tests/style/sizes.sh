#!/usr/bin/env bash
# Lengths of files, functions and lines; numbers of parameters.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command python3

# repeat COUNT TEXT: COUNT lines of it
repeat() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%s\n' "$2"; done
}

# function_of LINES
function_of() {
    printf 'static int f(int x)\n{\n'
    repeat $(($1 - 4)) '    x++;'
    printf '    return x;\n}\n'
}

# wide CHARACTERS
wide() {
    printf '%*s' "$1" '' | tr ' ' x
}

# try WORDS PATH: the source on standard input, alone in a project, is caught
try() {
    rm -rf "${scratch:?}"/*
    sample "$2"
    must_catch "$1" python3 "$here/sizes.py" "$scratch"
}

function_of 61 | try 'a function of 61 lines' src/train/bad.c
{ echo '/* why */' && function_of 61; } | try 'a function of 61 lines' tests/unit/bad.c
repeat 521 'int x;' | try '521 lines' tests/unit/bad.c
echo "int $(wide 96);" | try '101 columns' include/base/bad.h
echo "/* $(wide 123) */" | try '129 columns' src/base/bad.c
echo "int $(wide 96); /* */" | try '107 columns' src/base/code_too_wide_for_its_comment.c
try '1: a function of 8 parameters' src/kernel/bad.c <<'END'
void KERNEL(f)(int a, int b, int c, int d, int e, int f, int (*g)(int, int),
               int h)
{
}
END
try '2: a function of 8 parameters' include/kernel/bad.h <<'END'
struct table {
    void (*f)(int a, int b, int c, int d, int e, int f,
              int g, int h);
};
END

# The bounds themselves are allowed.
rm -rf "${scratch:?}"/*
function_of 60 | sample src/train/good.c
{ repeat 519 'int x;' && echo "/* $(wide 114) */"; } | sample tests/unit/good.c
sample include/kernel/good.h <<'END'
INLINE void f(int a, int b, int c, int d, int e, int f, int (*g)(int, int))
{
}
END
python3 "$here/sizes.py" "$scratch"

python3 "$here/sizes.py" "$root"
