#!/usr/bin/env bash
# All ranks agree before anything begins: the same settings, program and data; one message if they do not, and no hang. Which
# task works and speaks is MPI's word, whatever the launcher's variables say.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
[[ $("$launcher" --version) =~ Open\ ?MPI|OpenRTE ]] || skip "$launcher is not Open MPI's: it names its ranks otherwise"
host=$(hostname)
small=(--data synthetic --limit 200 --epochs 1 --model 'flatten; dense 10' --threads 1 --progress plain)
export MNIST_DIST scratch OMPI_MCA_odls_base_sigkill_timeout=0 # which mpirun sleeps after each refusal

# each COUNT SCRIPT WORD...: every rank runs the script, with the words as $@ and its number as $rank
each() {
    # shellcheck disable=SC2016 # each rank's shell expands it
    timeout 100 "$launcher" --oversubscribe --bind-to none -n "$1" bash -c 'rank=$OMPI_COMM_WORLD_RANK; '"$2" rank "${@:3}"
}

one_line() {
    [[ $(grep -c '^mnist_dist: ' "$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'expected one message'; }
}

# disagree WORDS SCRIPT [COUNT]: 64, one message, and no folder
disagree() {
    # shellcheck disable=SC2016
    refused 64 "mnist_dist: $1" each "${3-2}" "$2" "${small[@]}" --out "$scratch/none"
    one_line
    [[ ! -e $scratch/none ]] || die "a folder was made: $1"
}

# ---- settings that differ by rank ----
# shellcheck disable=SC2016
{
    # option, its value on rank 0, and on rank 1
    while read -r option first second; do
        disagree "rank 1 on $host: $option is $second here, but $first on rank 0 (on $host): all ranks need the same" \
            "if [[ \$rank == 0 ]]; then v=$first; else v=$second; fi; exec \"\$MNIST_DIST\" \"\$@\" $option=\$v"
    done <<'END'
--seed 1 2
--learning-rate 0.001 0.01
--epochs 2 3
--batch-size 100 50
--share auto off
--optimizer adam sgd
--limit 100 200
--data synthetic /elsewhere
--digest-every 0 1
--reduce tree mpi
--max-steps 0 5
END
    disagree "rank 2 on $host: --resume is yes here, but no on rank 0" \
        'if [[ $rank == 2 ]]; then set -- "$@" --resume; fi; exec "$MNIST_DIST" "$@"' 3
    disagree "rank 1 on $host: --out is $scratch/other here, but $scratch/none on rank 0" \
        'if [[ $rank == 1 ]]; then set -- "$@" --out "$scratch/other"; fi; exec "$MNIST_DIST" "$@"'
    disagree "rank 1 on $host: --dry-run is yes here, but no on rank 0" \
        'if [[ $rank == 1 ]]; then set -- "$@" --dry-run; fi; exec "$MNIST_DIST" "$@"'
    disagree "rank 1 on $host: the command is bench here, but train on rank 0" \
        'if [[ $rank == 1 ]]; then exec "$MNIST_DIST" bench; fi; exec "$MNIST_DIST" "$@"'
    disagree "rank 1 on $host: the help that is asked for is the overview here, but none on rank 0" \
        'if [[ $rank == 1 ]]; then exec "$MNIST_DIST" --help; fi; exec "$MNIST_DIST" "$@"'
    cp "$MNIST_DIST" "$scratch/another"
    printf ' ' >>"$scratch/another"
    disagree "rank 1 on $host: the digest of the program's file is " \
        'if [[ $rank == 1 ]]; then exec "$scratch/another" "$@"; fi; exec "$MNIST_DIST" "$@"'
    # configuration files: what is in them counts, not their names
    train 1x1 whole "${small[@]:0:8}"
    sed 's/"seed": 1,/"seed": 7,/' "$scratch/whole/config.json" >"$scratch/1.json"
    cp "$scratch/whole/config.json" "$scratch/0.json"
    disagree "rank 1 on $host: --seed is 7 here, but 1 on rank 0" \
        'exec "$MNIST_DIST" --config "$scratch/$rank.json" --out "$scratch/none"'
    cp "$scratch/0.json" "$scratch/1.json"
    each 2 'exec "$MNIST_DIST" --config "$scratch/$rank.json" --out "$scratch/named"' >"$scratch/output" 2>&1 || die 'names differ'
    same whole named
    # threads may differ
    each 2 'exec "$MNIST_DIST" "$@" --threads $((1 + rank)) --out "$scratch/threads"' "${small[@]:0:8}" >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; die 'threads differ'; }
    same whole threads
    # and so may instruction sets, on hosts of different kinds, here groups of one rank; the run goes on with others
    mixed='if [[ $rank == 1 ]]; then set -- "$@" --isa baseline; fi; exec "$MNIST_DIST" "$@"'
    train 1x1 two-epochs "${small[@]:0:8}" --epochs 2
    each 3 "$mixed" "${small[@]}" --out "$scratch/mixed" --share off >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; die 'instruction sets differ'; }
    same whole mixed
    [[ $(result whole isa) == baseline || $(result mixed isa) == "$(result whole isa), baseline" ]] ||
        die "mixed ran on $(result mixed isa)"
    each 2 "$mixed" "${small[@]}" --out "$scratch/mixed" --epochs 2 --resume >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; die 'a mixed run that goes on'; }
    [[ $(result mixed isa) == baseline ]] || die 'a group shares its packed parameters: its kernels are the same'
    [[ $(result mixed parameters_digest) == "$(result two-epochs parameters_digest)" ]] || die 'going on gives other bits'
}

# ---- a mistake on one rank ----
# shellcheck disable=SC2016
{
    disagree "rank 1 on $host: unknown option '--epcohs'; did you mean '--epochs'?" \
        'if [[ $rank == 1 ]]; then set -- "$@" --epcohs 3; fi; exec "$MNIST_DIST" "$@"'
    disagree "unknown option '--epcohs'" 'if [[ $rank == 0 ]]; then set -- "$@" --epcohs 3; fi; exec "$MNIST_DIST" "$@"'
    disagree "rank 1 on $host: --monitor" 'if [[ $rank == 1 ]]; then set -- "$@" --monitor x; fi; exec "$MNIST_DIST" "$@"'
    disagree "rank 1 on $host: unknown command 'evalute'" \
        'if [[ $rank == 1 ]]; then exec "$MNIST_DIST" evalute; fi; exec "$MNIST_DIST" "$@"'
    rm "$scratch/1.json"
    refused 66 "mnist_dist: rank 1 on $host: $scratch/1.json" each 2 'exec "$MNIST_DIST" --config "$scratch/$rank.json" --out "$scratch/none"'
    one_line
    [[ ! -e $scratch/none ]] || die 'a folder was made'
}

# ---- hosts whose copies of the data differ at the same sizes: rank 1 sees another folder below the same name ----
digits() {
    "$python" - "$1" "$2" <<'END'
import os, random, struct, sys

folder, seed = sys.argv[1], int(sys.argv[2])
os.makedirs(folder)
draw = random.Random(seed)
for name, count in ("train", 200), ("t10k", 40):
    with open(f"{folder}/{name}-images-idx3-ubyte", "wb") as f:
        f.write(struct.pack(">4i", 0x803, count, 28, 28) + draw.randbytes(count * 784))
    with open(f"{folder}/{name}-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">2i", 0x801, count) + bytes(i % 10 for i in range(count)))
END
}
digits "$scratch/data" 1
digits "$scratch/copy" 2
# shellcheck disable=SC2016
if unshare --mount true 2>/dev/null; then
    apart='if [[ $rank == 1 ]]; then exec unshare --mount bash -c "mount --bind $scratch/copy $scratch/data && exec \"\$@\"" sh "$MNIST_DIST" "$@"; fi'
    refused 65 "mnist_dist: rank 1 on $host: $scratch/data: the data here (digest " each 2 "$apart; exec \"\$MNIST_DIST\" \"\$@\"" \
        --data "$scratch/data" --share off "${small[@]:2:8}" --out "$scratch/none"
    one_line
    says 'is not that of rank 0 (digest '
    says 'copy the same files to all hosts'
    [[ ! -e $scratch/none ]] || die 'a folder was made'
else
    echo 'no mount namespaces: not tried'
fi

# ---- one task among many: MPI says who works, not the environment ----
train 1x1 another-seed "${small[@]:0:8}" --seed 7
for variable in SLURM_PROCID=1 OMPI_COMM_WORLD_RANK=1 PMIX_RANK=2 PMI_RANK=1 MV2_COMM_WORLD_RANK=3 FLUX_TASK_RANK=1 \
    JSM_NAMESPACE_RANK=1; do
    rm -f "$scratch/e.keras"
    env "$variable" timeout 60 "$MNIST_DIST" export "$scratch/whole" -o "$scratch/e.keras" >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; die "export with $variable"; }
    [[ -s $scratch/e.keras ]] || die "$variable: no file"
    refused 1 'seed' env "$variable" timeout 60 "$MNIST_DIST" verify "$scratch/whole" "$scratch/another-seed"
    refused 66 'nowhere' env "$variable" timeout 60 "$MNIST_DIST" inspect "$scratch/nowhere"
    env "$variable" timeout 60 "$MNIST_DIST" --version >"$scratch/output" || die "--version with $variable"
    says 'mnist_dist 0'
    refused 64 "unknown option '--epcohs'" env "$variable" timeout 60 "$MNIST_DIST" --epcohs 3
done
refused 75 'the time limit' env SLURM_PROCID=1 timeout 60 "$MNIST_DIST" "${small[@]}" --epochs 9999 --time-limit 2s --time-margin 0s \
    --out "$scratch/limited"

# one of several: rank 0 alone does the work, and all agree
# shellcheck disable=SC2016
for script in 'exec "$MNIST_DIST" inspect "$scratch/whole"' 'exec "$MNIST_DIST" --version'; do
    each 3 "$script" >"$scratch/output" 2>&1 || die "$script"
    [[ $(grep -cE '^mnist_dist 0|^settings|^checkpoint' "$scratch/output") -le 1 ]] || { cat "$scratch/output"; die 'not once'; }
done

# ---- the launcher of another MPI, and srun without PMIx ----
crossed='MPI knows 1: is it the launcher of this MPI (PMIx)?'
for variables in 'SLURM_PROCID=0 SLURM_NTASKS=4' 'SLURM_PROCID=3 SLURM_NTASKS=4' 'SLURM_PROCID=2 SLURM_NTASKS=4 SLURM_JOB_ID=9' \
    'PMI_RANK=0 PMI_SIZE=4' 'OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4' 'MPI_LOCALNRANKS=4 MPI_LOCALRANKID=0' \
    'MV2_COMM_WORLD_SIZE=4 MV2_COMM_WORLD_RANK=2' 'FLUX_JOB_SIZE=4 FLUX_TASK_RANK=0' 'JSM_NAMESPACE_SIZE=4 JSM_NAMESPACE_RANK=0'; do
    # shellcheck disable=SC2086 # a list
    refused 64 "the launcher announced 4 tasks, $crossed" env $variables timeout 60 "$MNIST_DIST" "${small[@]}" --out "$scratch/none" --resume
    one_line
    [[ ! -e $scratch/none ]] || die "a folder was made: $variables"
done
env PMI_RANK=0 PMI_SIZE=4 timeout 60 "$MNIST_DIST" env --data synthetic >"$scratch/output" || die 'env'
says "note   the launcher announced 4 tasks, $crossed"

# a batch script of an allocation of four tasks, and a step of one
for variables in 'SLURM_JOB_ID=9 SLURM_PROCID=0 SLURM_NTASKS=4' 'SLURM_NTASKS=4 SLURM_JOB_ID=9' 'PMI_SIZE=1 PMI_RANK=0'; do
    # shellcheck disable=SC2086
    env $variables timeout 60 "$MNIST_DIST" inspect "$scratch/whole" >"$scratch/output" || die "inspect: $variables"
    # shellcheck disable=SC2086
    env $variables timeout 60 "$MNIST_DIST" "${small[@]}" --out "$scratch/batch" --resume >"$scratch/output" || die "train: $variables"
    rm -r "$scratch/batch"
done
env SLURM_JOB_ID=9 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 timeout 60 "$MNIST_DIST" inspect "$scratch/whole" \
    >"$scratch/output" || die 'a step of one task'

# the real thing, where MPICH's launcher is there
other=$(command -v mpirun.mpich) || other=
if [[ -n $other && $("$MNIST_DIST" --version) == *'Open MPI'* ]]; then
    refused 64 "the launcher announced 4 tasks, $crossed" timeout 100 "$other" -n 4 "$MNIST_DIST" "${small[@]}" --out "$scratch/none" --resume
    [[ ! -e $scratch/none ]] || die 'four trainings in one folder'
else
    echo 'mpirun.mpich is not installed: not tried'
fi

# ---- the process keeps its name ----
: >"$scratch/output" # what the last one said is not taken for this one's
"$MNIST_DIST" "${small[@]:0:8}" --threads 2 --epochs 9999 --out "$scratch/name" >"$scratch/output" 2>&1 &
process=$!
for ((i = 0; i < 300; i++)); do
    ! grep -qs '^Epoch 1/' "$scratch/output" || break
    sleep 0.1
done
[[ $(<"/proc/$process/comm") == mnist_dist ]] || die "the process is called $(<"/proc/$process/comm")"
kill -USR1 "$process"
got=0
wait "$process" || got=$?
[[ $got == 75 ]] || die "status $got"
