# Completion of mnist_dist for bash: commands, options, and the words that options take, all read from the program's own --help.
# Installed as share/bash-completion/completions/mnist_dist; otherwise: source FILE.
# shellcheck shell=bash

# _mnist_dist_help PROGRAM commands | options COMMAND | words COMMAND OPTION: prints one a line
_mnist_dist_help() {
    "$1" help ${3:+"$3"} 2>/dev/null | awk -v what="$2" -v wanted="${4-}" '
        function show_words(    part, i, count) {
            if (option != wanted || value !~ /[|]|^(NAME|SPEC|STYLE)$/) return
            if (value ~ /[|]/) text = value
            sub(/ *[(]default.*/, "", text)
            sub(/;.*/, "", text)
            sub(/.*: */, "", text)
            count = split(text, part, /, *|[|]/)
            for (i = 1; i <= count; i++) if (part[i] ~ /^[a-z0-9_-]+$/) print part[i]
        }
        /^Commands/ { in_commands = 1; next }
        /^ *$/ { in_commands = 0 }
        in_commands && what == "commands" { print $1 }
        what == "commands" { next }
        /^  (    )?-/ {
            if (what == "words") show_words()
            line = $0
            option = value = text = ""
            while (match(line, /^[ ,]*-[^ ,]*/)) {
                name = substr(line, 1, RLENGTH)
                line = substr(line, RLENGTH + 1)
                gsub(/[ ,]/, "", name)
                if (split(name, parts, "=") > 1) value = parts[2]
                if (parts[1] ~ /^--/) option = parts[1]
                if (what == "options" && parts[1] ~ /^--/) print parts[1]
            }
            text = line
            sub(/^ +/, "", text)
            next
        }
        /^ +/ { more = $0; sub(/^ +/, " ", more); text = text more }
        what == "options" && match($0, /--no-[a-z]+/) { print substr($0, RSTART, RLENGTH) }
        END { if (what == "words") show_words() }'
}

_mnist_dist() {
    local program=${COMP_WORDS[0]/#\~/$HOME} word=${COMP_WORDS[COMP_CWORD]} option='' command=train
    COMPREPLY=()
    if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then command=${COMP_WORDS[1]}; fi
    # bash takes --option=word for three words
    if [[ $word == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 1]} word=''
    elif ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --* && $word != -* ]]; then
        option=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    local candidates=''
    if [[ -n $option ]]; then
        candidates=$(_mnist_dist_help "$program" words "$command" "$option")
    elif [[ $word == -* ]]; then
        candidates=$(_mnist_dist_help "$program" options "$command")
    elif ((COMP_CWORD == 1)) || [[ $command == help && $COMP_CWORD == 2 ]]; then
        candidates=$(_mnist_dist_help "$program" commands)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
}

# Where there is nothing to propose, files are.
complete -o bashdefault -o default -F _mnist_dist mnist_dist
