#!/usr/bin/env bash
# The files and identifiers that comments and pages name exist.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command python3

sample docs/reproducibility.md <<'END'
1. A sample's results depend on the sample alone.
2. Above leaves there is only the reduction tree.
END
sample include/base/tree.h <<'END'
enum { STAGE_BY_SAMPLE };
int tree_nodes(void); /* tree_nodes() by rule 2; see tests/unit/base_*.c */
END
sample tests/unit/base_tree.c <<<'int main(void) { return 0; }'

# try WORDS: the comment on standard input is caught
try() {
    sample src/base/bad.c
    must_catch "there is no $1" python3 "$here/names.py" "$scratch"
}

try tests/unit/base_trees.c <<<'/* Test: tests/unit/base_trees.c */'
try base/tree.c <<<'int x; // see base/tree.c'
try 'tests/mpi/base_*.c' <<<'/* Test: tests/mpi/base_*.c */'
try unit/base_rng <<<'/* as unit/base_rng says */'
try trees.c <<<'/* first in trees.c */'
try tree_leaves <<<'/* tree_leaves says how many */'
try leaves <<<'/* leaves() says how many */'
try leaves <<<"/* \`leaves\` says how many */"
try BY_LEAF <<<'/* BY_LEAF is the other */'
try 'rule 3' <<<'/* rule 3 */'
try 'rule 1 of docs/rules.md' <<<'/* rule 1 of docs/rules.md */'

# Named rightly: by whole path, from a room, without the ending; a formula, a placeholder, what a string says.
sample src/base/bad.c <<'END'
/* include/base/tree.h, base/tree.h, unit/base_tree, tree.h, <mpi.h>, tests/unit/NAME.c: tree_nodes(), BY_SAMPLE, rule 1,
 * sum_k x_k, dense_2, leaky_relu */
const char *word = "leaky_relu";
END
python3 "$here/names.py" "$scratch"

# A page, and the comments of a script, are read as comments of C are; a page may link to pages that exist.
sample docs/page.md <<<"\`tree_leaves\` says how many."
must_catch 'docs/page.md:1: there is no tree_leaves' python3 "$here/names.py" "$scratch"

sample docs/page.md <<<'[a page](pages.md#part)'
must_catch 'docs/page.md:1: there is no pages.md' python3 "$here/names.py" "$scratch"
sample docs/page.md <<<'[a page](reproducibility.md#part)'
sample tools/run.sh <<<'# run.sh WORD: as tree_leaves'
must_catch 'tools/run.sh:1: there is no tree_leaves' python3 "$here/names.py" "$scratch"
sample tools/run.sh <<<'echo tree_leaves # is known to the shell'
python3 "$here/names.py" "$scratch"

python3 "$here/names.py" "$root"
