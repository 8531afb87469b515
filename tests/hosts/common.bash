# Sourced first by the scripts of this folder: runs of the program on several hosts of tools/hosts_sandbox.sh.
# shellcheck shell=bash

: "${SOURCE_DIR:?the folder of the project}"
sandbox=$SOURCE_DIR/tools/hosts_sandbox.sh
code=0
reason=$("$sandbox" 1 -- true 2>&1) || code=$?
if ((code == 69)); then
    echo "SKIP: ${reason##*hosts_sandbox.sh: }"
    exit 77
fi
# Where the sandbox fails for another reason, it fails again below, and says why.
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
export scratch launcher

small=(--data synthetic --limit 400 --batch-size 100 --model "flatten; dense 16 relu; dense 10" --progress plain --threads 1)

# across PLACES COMMAND...: the program on ranks h1:2,h2:1: two on h1, one on h2. Options of the sandbox: the array `network`.
# Output: $scratch/output.
across() {
    local places=$1 place
    local -i hosts=0 ranks=0
    for place in ${places//,/ }; do
        hosts+=1 ranks+=${place#*:}
    done
    timeout 120 "$sandbox" "$hosts" "${network[@]}" -- "$launcher" -n "$ranks" --host "$places" "$MNIST_DIST" "${@:2}" \
        >"$scratch/output" 2>&1
}
network=()

# train_across PLACES RUN OPTION...: trains into $scratch/RUN
train_across() {
    across "$1" train --out "$scratch/$2" "${small[@]}" "${@:3}" || {
        cat "$scratch/output"
        die "exit status of $2 on $1"
    }
}

# same_bits RUN RUN
same_bits() {
    "$MNIST_DIST" verify "$scratch/$1" "$scratch/$2" >"$scratch/difference" || {
        cat "$scratch/difference"
        die "$1 and $2 differ"
    }
}
