#!/usr/bin/env bash
# Every shell script passes shellcheck, and every tool says --help.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command shellcheck

check() {
    shellcheck --external-sources --source-path=SCRIPTDIR "$@"
}

sample bad.sh <<'END'
#!/usr/bin/env bash
rm $1
END
must_catch SC2086 check "$scratch/bad.sh"

# Scripts by their name, or by their first line.
mapfile -t scripts < <(present_files | while IFS= read -r file; do
    if [[ $file =~ \.(sh|bash|sbatch)$ ]] || head -c 64 "$file" | head -n 1 | grep -qaE '^#!.*\b(ba)?sh\b'; then
        printf '%s\n' "$file"
    fi
done)
cd "$root"
check "${scripts[@]}"
for tool in tools/*.sh tools/*.py; do
    [[ -x $tool ]] || continue
    code=0
    help=$("$tool" --help 2>&1) || code=$?
    # 66: a Python module that it needs is not installed here
    [[ $code == 66 ]] || { [[ $code == 0 ]] && grep -qi '^usage' <<<"$help"; } || {
        echo "$tool --help does not tell the usage"
        exit 1
    }
done
echo "${#scripts[@]} scripts"
