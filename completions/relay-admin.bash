# bash completion for relay-admin. The program gets the line up to the cursor, and answers what may follow.
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
