#!/usr/bin/env bash
# The rooms that need no library of the target machine compile for aarch64 without a warning.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command aarch64-linux-gnu-gcc

# Header-only libraries serve any machine; /usr/include as a whole does not.
[[ -d /usr/include/Random123 ]] || skip 'Random123 is not installed'
mkdir "$scratch/include"
ln -s /usr/include/Random123 "$scratch/include/Random123"
blis=$(find /usr/include -name blis.h -path '*blis-openmp*' -print -quit)
[[ -n $blis ]] || skip 'BLIS is not installed'

# compile FILE
compile() {
    aarch64-linux-gnu-gcc -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE \
        -DMNIST_DIST_VERSION='""' -DKERNEL_ISA=baseline -DKERNEL_HAS_BASELINE=1 \
        -ffp-contract=off -fno-math-errno -fopenmp -O1 -Wall -Wextra -Werror -c -o "$scratch/out.o" \
        -I "$root/include" -I "$root/src" -isystem "$scratch/include" -isystem "${blis%/*}" "$1"
}

sample bad.c <<<'#include <immintrin.h>'
must_catch immintrin.h compile "$scratch/bad.c"

cd "$root"
count=0 bad=0
while IFS= read -r file; do
    count=$((count + 1))
    compile "$file" || bad=$((bad + 1))
done < <(find src/base src/kernel src/layer src/model src/optim -name '*.c' -not -path '*/amx/*' | sort)
echo "$count files, $bad of them bad"
((count > 0 && bad == 0))
