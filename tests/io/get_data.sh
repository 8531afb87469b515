#!/usr/bin/env bash
# tools/get_data.sh: what it does with good, damaged and foreign files and with failing mirrors. Stubs stand in for curl and
# for the package tools, so nothing is fetched or installed.
set -euo pipefail

tool=$SOURCE_DIR/tools/get_data.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir stubs
export PATH=$scratch/stubs:$PATH
real=${MNIST_DIR-}
unset MNIST_DIR
names=(train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)

# stub NAME: a command made of stdin
stub() {
    { echo '#!/usr/bin/env bash' && cat; } >"stubs/$1"
    chmod +x "stubs/$1"
}

# expect CODE WORDS COMMAND...: the command's exit code, and words that it says
expect() {
    local code=$1 words=$2 got=0 said
    shift 2
    said=$("$@" 2>&1) || got=$?
    if ((got != code)) || ! grep -qF -- "$words" <<<"$said"; then
        printf '%s: exit code %d, expected %d and the words: %s\n%s\n' "$*" "$got" "$code" "$words" "$said"
        exit 1
    fi
}

calls() {
    if [[ -f calls ]]; then wc -l <calls; else echo 0; fi
}

# calls_are COUNT: how often curl was called so far
calls_are() {
    (($(calls) == $1)) || { echo "curl was called $(calls) times, expected $1" && exit 1; }
}

for command in apt-get sudo; do
    stub "$command" <<<'exit 1'
done

expect 0 Usage "$tool" --help
expect 64 "unknown option '--rety'" "$tool" --rety
expect 64 'one folder at most' "$tool" one two

# Mirrors that fail: both are asked, then none for an hour, but with --retry.
stub curl <<<'echo called >>calls; exit 7'
expect 0 'no mirror could be used' "$tool"
calls_are 2
expect 0 'not asked again' "$tool"
calls_are 2
expect 0 'no mirror could be used' "$tool" --retry
calls_are 4
touch -d '2 hours ago' data/.mirrors-failed
expect 0 'no mirror could be used' "$tool"
calls_are 6
[[ ! -e data/mnist ]]

# Mirrors that answer with something else: refused, and nothing is left.
# shellcheck disable=SC2016
stub curl <<<'while [[ $1 != --output ]]; do shift; done; echo "<html>" | gzip >"$2"'
expect 0 'wrong checksum' "$tool" --retry
[[ ! -e data/mnist && -z $(find data -name '.get_data*') ]]

# A folder with other data is left as it is; a part of a data set is called damaged.
mkdir own part
for name in "${names[@]}"; do
    echo own >"own/$name"
done
expect 0 'holds another data set than MNIST' "$tool" own
[[ $(cat own/t10k-labels-idx1-ubyte) == own ]]
cp "own/${names[0]}" part/
expect 0 'incomplete or damaged' "$tool" part
MNIST_DIR=own expect 0 'does not hold MNIST' "$tool" other

# The rest needs the real files.
mnist=''
for candidate in "$SOURCE_DIR/data/mnist" "$real"; do
    if [[ -f $candidate/${names[0]}.gz && -f $candidate/${names[3]}.gz ]]; then mnist=$candidate && break; fi
done
if [[ -z $mnist ]]; then
    echo 'copying was not tried: MNIST is neither in data/mnist nor in MNIST_DIR'
    exit 0
fi
MNIST_DIR=$mnist expect 0 'was copied' "$tool" part
expect 0 'already, and its checksums are right' "$tool" part
[[ -f part/${names[0]}.old ]]
head -c 1000 "$mnist/${names[0]}.gz" >"part/${names[0]}.gz"
export MIRROR=$mnist
# shellcheck disable=SC2016
stub curl <<<'while [[ $1 != --output ]]; do shift; done; cp "$MIRROR/${3##*/}" "$2"'
expect 0 'MNIST is in part' "$tool" --retry part
expect 0 'already, and its checksums are right' "$tool" part
echo 'get_data.sh did as it says'
