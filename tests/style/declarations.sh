#!/usr/bin/env bash
# A comment that does not fit beside its declaration stands above it.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command python3

# try WORDS: the source on standard input, alone in a project, is caught
try() {
    sample src/train/bad.c
    must_catch "$1" python3 "$here/declarations.py" "$scratch"
}

try 'bad.c:2: code is torn' <<'END'
struct s {
    const float *
        x; /* [N, length] of a tile's samples */
};
END
try 'bad.c:1: code is torn' <<'END'
extern const struct table
    tables[4]; /* one for each instruction set */
END
try 'bad.c:3: code is torn' <<'END'
void f(void)
{
    call(1,
         2); /* the second is the number of calls */
}
END
try 'bad.c:3: a comment behind a closing brace' <<'END'
struct s {
    int x;
} name; /* what it is for */
END
try 'bad.c:4: a comment behind a closing brace' <<'END'
static const int table[] = {
    1,
    2,
}; /* of what */
END
try 'bad.c:1: a comment beside code goes on' <<'END'
int x; /* one line
          and one more */
END
try 'bad.c:2: a comment beside code goes on' <<'END'
int x; /* one line */
       /* and one more */
END

# What is whole: comments above, heads of statements, enumerators, code that does not fit on one line.
sample src/train/bad.c <<'END'
/* of a tile's samples */
const float *x;
enum { A, B }; /* kinds */
enum {
    C,
    D = 2, /* the second */
};
int f(int a_parameter_with_a_long_name, int another_parameter_with_a_long_name,
      int a_third_parameter); /* the sum */
void g(void)
{
    if (x)
        f(1, 2, 3); /* where there is one */
    else
        f(0, 0, 0); /* where there is none */
}
END
python3 "$here/declarations.py" "$scratch"

python3 "$here/declarations.py" "$root"
