#include "cli/completion/scripts.hpp"

namespace relay::cli {

std::string_view bash_script() {
    return R"bash(# bash completion for relay-admin. The program gets the line up to the cursor, and answers what may follow.
# shellcheck shell=bash

_relay_admin() {
    local line=${COMP_LINE:0:COMP_POINT} word
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :files) compopt -o default ;;
            :folders) compopt -o dirnames ;;
            ':program 0') mapfile -t COMPREPLY < <(compgen -c -- "${line##*[[:blank:]]}") ;;
            :program*) compopt -o default ;;
            *) COMPREPLY+=("$word") ;;
        esac
    done < <(command relay-admin __complete_bash "$line" "$COMP_WORDBREAKS" 2>/dev/null)
}

complete -F _relay_admin relay-admin
)bash";
}

std::string_view zsh_script() {
    return R"zsh(#compdef relay-admin
# zsh completion for relay-admin. The program gets the words up to the cursor, without quotes and not expanded, and
# answers what may follow.

_relay-admin() {
    local line asked_for
    local -a found
    for line in "${(@f)$(command relay-admin __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        case $line in
            :*) asked_for=$line ;;
            *$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            ?*) found+=("${line//:/\\:}") ;;
        esac
    done
    if [[ $PREFIX == --*=* ]]; then
        compset -P '*='
    elif [[ $PREFIX == -[^-]* && $asked_for == :files ]]; then
        compset -P '-?'
    fi
    case $asked_for in
        :files) _files ;;
        :folders) _files -/ ;;
        :program*)
            words=("${(@)words[CURRENT-${asked_for#* },-1]}")
            CURRENT=$(( ${asked_for#* } + 1 ))
            _normal
            ;;
        *) _describe -t values relay-admin found ;;
    esac
}

# If zsh loads this file from a folder of $fpath, the file is the body of the function. If sourced, it defines the
# function.
if [[ $funcstack[1] == _relay-admin ]]; then
    _relay-admin "$@"
else
    compdef _relay-admin relay-admin
fi
)zsh";
}

std::string_view fish_script() {
    return R"fish(# fish completion for relay-admin. The program gets the words up to the cursor, and answers what may follow.

# Sets $__relay_admin_found to what may follow. Returns false if fish must complete file names.
function __relay_admin_ask
    set -g __relay_admin_found
    command -q relay-admin
    or return 0
    set -l words (commandline -opc)
    set -l typed (commandline -ct | string replace -ra '[\\\\\'"]' '')  # quotes: no offer contains any
    set -l kept (string match -r -- '^--[^=]*=' $typed)
    for line in (command relay-admin __complete $words[2..] "$typed" 2>/dev/null)
        switch $line
            case ':program 0'
                set -g __relay_admin_found (__fish_complete_command)
            case ':files' ':program*'
                return 1
            case ':folders'
                # As it is typed, without the flag: fish 4 offers nothing for `--flag=` that does not begin with it.
                set -l folder (commandline -ct | string replace -r -- '^--[^=]*=' '')
                set -g __relay_admin_found "$kept"(__fish_complete_directories "$folder")
            case '*'
                set -ga __relay_admin_found "$kept$line"
        end
    end
    return 0
end

complete -c relay-admin -n __relay_admin_ask -f -a '$__relay_admin_found'
)fish";
}

}  // namespace relay::cli
