#!/usr/bin/env bash
# The rooms that need no library of the target machine compile for aarch64 without a warning.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command aarch64-linux-gnu-gcc

aarch64_flags

# compile FILE
compile() {
    aarch64-linux-gnu-gcc "${flags[@]}" -fopenmp -O1 -Wall -Wextra -Werror -c -o "$scratch/out.o" "$1"
}

sample bad.c <<<'#include <immintrin.h>'
must_catch immintrin.h compile "$scratch/bad.c"

cd "$root"
count=0 bad=0
while IFS= read -r file; do
    count=$((count + 1))
    compile "$file" || bad=$((bad + 1))
done < <(aarch64_files)
echo "$count files, $bad of them bad"
((count > 0 && bad == 0))
