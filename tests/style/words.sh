#!/usr/bin/env bash
# Words that do not belong in the project: notes to oneself, numbers of tickets, one machine's paths, package hosts; persons
# where code is meant, and phrases that have to be read twice.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# Written in pieces, so that this file passes its own check.
notes='\b(TO''DO|FIX''ME|XX''X)\b'
tickets='\b([Ii]ss''ue|[Tt]ick''et|PR|GH) ?#?[0-9]+\b|(^|[ (])#[1-9][0-9]*\b'
paths='(^|[^A-Za-z0-9._-])/wo''rk/'
hosts='py''pi\.org|pythonhos''ted\.org|npm''js\.org|crates''\.io|ana''conda\.org|deb\.deb''ian\.org|rubyge''ms\.org'
# "A rank", "a thread", "the caller" where code is meant; the number or the length itself; "except".
phrases='\b(no''body|some''body|any''body|every''body|no'' one|some''one|any''one|every''one|who''ever'
phrases+='|so'' (many|much|long)(?! (that|as)\b)|but'' for|save'' for|all'' but)\b'

# bad_words FILE...: the lines that hold one; fails when there are any
bad_words() {
    ! { grep -InE "$notes|$tickets|$paths|$hosts" "$@" || grep -InPi "$phrases" "$@"; }
}

i=0
for words in "// TO""DO: later" "/* XX""X */" "see iss""ue 12" "mended (#""7)" "cat /wo""rk/main" \
    "curl https://py""pi.org/simple" "No""body reads it" "who""ever waits" "so"" many rows" "All"" but the last" \
    "none but"" for x"; do
    i=$((i + 1))
    sample "bad$i.c" <<<"$words"
    must_catch "$words" bad_words "$scratch/bad$i.c"
done
sample good.c <<<'#include <stdio.h> /* artwork/1, %#06x, #define, TODOS, an issue of 3, so long that, but forms */'
bad_words "$scratch/good.c"

mapfile -t files < <(present_files)
cd "$root"
bad_words "${files[@]}" || {
    echo 'these words do not belong in the project'
    exit 1
}
echo "${#files[@]} files"
((${#files[@]} > 0))
