# bash completion of relay-admin: made from its command tree, so do not edit it.
# shellcheck shell=bash

# Tells of the command whose words are $1: what may follow them (`commands`), its flags and its arguments. A flag reads
# NAME[|NAME...][+][=[TYPE]]: with + it may be repeated, with = it takes a value. An argument reads TYPE[+].
__relay_admin_tree() {
    commands=() flags=() arguments=()
    case $1 in
        '')
            commands=(agent audit block completion config doctor gateway help init key migrate-legacy org recover restore revoke role rotate-key sandbox schema unblock version watch whoami)
            ;;
        'agent')
            commands=(assign-role create grant list revoke-permission show unassign-role update rotate-key)
            ;;
        'agent assign-role')
            arguments=(
                'AGENT'
                'ROLE+'
            )
            ;;
        'agent create')
            flags=(
                '--id|--agent|--agent-id='
                '--org|--org-id=ORG'
                '--name='
                '--permissions|--permission+='
                '--key-max-age='
                '--expires='
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                ''
            )
            ;;
        'agent grant')
            flags=(
                '--conditions='
                '--unconditional'
            )
            arguments=(
                'AGENT'
                '+'
            )
            ;;
        'agent list')
            flags=(
                '--org|--org-id=ORG'
                '--role|--role-id=ROLE'
                '--state=active|blocked|revoked'
                '--key-due='
                '--unused-for='
                '--limit='
                '--all'
                '--after='
            )
            ;;
        'agent revoke-permission')
            arguments=(
                'AGENT'
                '+'
            )
            ;;
        'agent show')
            flags=(
                '--id|--agent|--agent-id=AGENT'
                '--events='
            )
            arguments=(
                'AGENT'
            )
            ;;
        'agent unassign-role')
            arguments=(
                'AGENT'
                'ROLE+'
            )
            ;;
        'agent update')
            flags=(
                '--id|--agent|--agent-id=AGENT'
                '--name='
                '--add-permission+='
                '--remove-permission+='
                '--key-max-age='
            )
            arguments=(
                'AGENT'
            )
            ;;
        'audit')
            commands=(maintain)
            ;;
        'audit maintain')
            flags=(
                '--ahead='
                '--keep-months='
                '--expect='
            )
            ;;
        'block')
            flags=(
                '--until='
                '--force'
                '--wait-ack='
                '--durable'
                '-f|--file=FILE'
                '--org|--org-id=ORG'
                '--confirm='
            )
            arguments=(
                'AGENT+'
            )
            ;;
        'completion')
            arguments=(
                'bash|zsh|fish'
            )
            ;;
        'config')
            commands=(show)
            ;;
        'config show')
            :
            ;;
        'doctor')
            flags=(
                '--env-file=FILE'
            )
            arguments=(
                'CHECK+'
            )
            ;;
        'gateway')
            commands=(list)
            ;;
        'gateway list')
            :
            ;;
        'help')
            arguments=(
                'COMMAND+'
            )
            ;;
        'init')
            flags=(
                '--org-id|--org='
                '--org-name='
                '--agent-id|--agent='
                '--agent-name='
                '--permissions|--permission+='
                '--plan=free|paid'
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            ;;
        'key')
            commands=(list retire show verify)
            ;;
        'key list')
            flags=(
                '--agent|--agent-id=AGENT'
                '--org|--org-id=ORG'
                '--state=active|retiring|expired|retired|revoked'
                '--limit='
                '--all'
                '--after='
            )
            ;;
        'key retire')
            flags=(
                '--id|--key-id=KEY-ID'
                '--force'
            )
            arguments=(
                'KEY-ID'
            )
            ;;
        'key show')
            flags=(
                '--id|--key-id=KEY-ID'
            )
            arguments=(
                'KEY-ID'
            )
            ;;
        'key verify')
            flags=(
                '--agent|--agent-id=AGENT'
            )
            ;;
        'migrate-legacy')
            commands=(abort extend finish import issue start status)
            ;;
        'migrate-legacy abort')
            flags=(
                '--deny-all'
                '--confirm='
            )
            ;;
        'migrate-legacy extend')
            flags=(
                '--deadline='
            )
            ;;
        'migrate-legacy finish')
            flags=(
                '--quiet-for='
                '--allow-active='
                '--confirm='
            )
            ;;
        'migrate-legacy import')
            flags=(
                '--from-table='
                '--map+='
                '--org|--org-id=ORG'
                '--create-orgs'
                '--orgs-table='
                '--match-secret=FILE'
            )
            arguments=(
                'FILE'
            )
            ;;
        'migrate-legacy issue')
            flags=(
                '--next='
                '--all'
                '--org|--org-id=ORG'
                '-f|--file=FILE'
                '--batch='
                '--expect='
                '--manifest=FILE'
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
                '--group-by=org|owner'
                '--seal-keys=FILE'
                '--deliver='
                '--deliver-timeout='
                '--deliver-jobs='
            )
            arguments=(
                'AGENT+'
            )
            ;;
        'migrate-legacy start')
            flags=(
                '--deadline='
                '--agents=FILE'
                '--expect='
            )
            ;;
        'migrate-legacy status')
            flags=(
                '--quiet-for='
                '--all'
                '--exit-code'
                '--html=FILE'
            )
            ;;
        'org')
            commands=(create list show update)
            ;;
        'org create')
            flags=(
                '--id|--org|--org-id='
                '--name='
                '--plan=free|paid'
                '--max-agents='
                '--key-max-age='
                '--auth-mode=optional|required'
                '--admin-token=FILE'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                ''
            )
            ;;
        'org list')
            flags=(
                '--match='
                '--blocked'
                '--limit='
                '--all'
                '--after='
            )
            ;;
        'org show')
            flags=(
                '--id|--org|--org-id=ORG'
            )
            arguments=(
                'ORG'
            )
            ;;
        'org update')
            flags=(
                '--id|--org|--org-id=ORG'
                '--name='
                '--plan=free|paid'
                '--max-agents='
                '--key-max-age='
                '--auth-mode=optional|required'
                '--admin-token=FILE'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                'ORG'
            )
            ;;
        'recover')
            flags=(
                '--dir=DIR'
            )
            arguments=(
                ''
            )
            ;;
        'restore')
            flags=(
                '--org|--org-id=ORG'
                '--confirm='
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                'AGENT'
            )
            ;;
        'revoke')
            flags=(
                '--key+=KEY-ID'
                '--scan=FILE'
                '--force'
                '--wait-ack='
                '--durable'
                '-f|--file=FILE'
                '--org|--org-id=ORG'
                '--confirm='
            )
            arguments=(
                'AGENT+'
            )
            ;;
        'role')
            commands=(create delete grant list revoke-permission show)
            ;;
        'role create')
            flags=(
                '--id|--role|--role-id='
                '--org|--org-id=ORG'
                '--name='
                '--permissions+='
            )
            arguments=(
                ''
            )
            ;;
        'role delete')
            flags=(
                '--id|--role|--role-id=ROLE'
                '--org|--org-id=ORG'
                '--force'
            )
            arguments=(
                'ROLE'
            )
            ;;
        'role grant')
            flags=(
                '--org|--org-id=ORG'
                '--conditions='
                '--unconditional'
            )
            arguments=(
                'ROLE'
                '+'
            )
            ;;
        'role list')
            flags=(
                '--org|--org-id=ORG'
                '--limit='
                '--all'
                '--after='
            )
            ;;
        'role revoke-permission')
            flags=(
                '--org|--org-id=ORG'
            )
            arguments=(
                'ROLE'
                '+'
            )
            ;;
        'role show')
            flags=(
                '--id|--role|--role-id=ROLE'
                '--org|--org-id=ORG'
            )
            arguments=(
                'ROLE'
            )
            ;;
        'rotate-key')
            flags=(
                '--agent-id=AGENT'
                '--grace='
                '--if-older-than='
                '--due-within='
                '--retire-on-first-use'
                '--request-id='
                '--key-from=FILE'
                '--force'
                '--revert'
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                'AGENT'
            )
            ;;
        'agent rotate-key')
            flags=(
                '--agent-id=AGENT'
                '--grace='
                '--if-older-than='
                '--due-within='
                '--retire-on-first-use'
                '--request-id='
                '--key-from=FILE'
                '--force'
                '--revert'
                '--secret-file=FILE'
                '--secrets-dir=DIR'
                '--secret-fd='
                '--secret-stdout'
                '--replace'
                '--secret-format=raw|env|json|k8s|sealed'
                '--env-prefix='
                '--k8s-name='
                '--k8s-namespace='
                '--seal-key=FILE'
            )
            arguments=(
                'AGENT'
            )
            ;;
        'sandbox')
            commands=(destroy run start status stop)
            ;;
        'sandbox destroy')
            :
            ;;
        'sandbox run')
            arguments=(
                'PROGRAM+'
            )
            ;;
        'sandbox start')
            :
            ;;
        'sandbox status')
            :
            ;;
        'sandbox stop')
            :
            ;;
        'schema')
            commands=(apply json print status verify)
            ;;
        'schema apply')
            :
            ;;
        'schema json')
            arguments=(
                ''
            )
            ;;
        'schema print')
            flags=(
                '--only='
            )
            ;;
        'schema status')
            :
            ;;
        'schema verify')
            :
            ;;
        'unblock')
            flags=(
                '-f|--file=FILE'
                '--org|--org-id=ORG'
            )
            arguments=(
                'AGENT+'
            )
            ;;
        'version')
            :
            ;;
        'watch')
            flags=(
                '--since='
                '--exec='
                '--count='
                '--until-idle'
            )
            ;;
        'whoami')
            :
            ;;
        *) return 1 ;;
    esac
}

# Splits the line up to the cursor into `words`; the last one is being typed. (COMP_WORDS is split at = and : as well, and
# has the quotes in it.) Quotes are taken off, and nothing is expanded, let alone run.
__relay_admin_split() {
    local line=${COMP_LINE:0:COMP_POINT} quote='' word='' begun='' letter i
    words=()
    for ((i = 0; i < ${#line}; i++)); do
        letter=${line:i:1}
        if [[ $quote == "'" ]]; then
            if [[ $letter == "'" ]]; then quote=''; else word+=$letter; fi
        elif [[ $letter == "\\" ]]; then
            if [[ -z $quote || ${line:i+1:1} == [\"\$\`\\] ]]; then
                i=$((i + 1))
                letter=${line:i:1}
            fi
            word+=$letter begun=1
        elif [[ $letter == '"' ]]; then
            if [[ -n $quote ]]; then quote=''; else quote='"' begun=1; fi
        elif [[ -z $quote && $letter == "'" ]]; then
            quote="'" begun=1
        elif [[ -z $quote && $letter == [[:blank:]] ]]; then
            if [[ -n $begun ]]; then words+=("$word"); fi
            word='' begun=''
        else
            word+=$letter begun=1
        fi
    done
    words+=("$word")
}

# The flag named $1, the command's own before a global one, as it reads in the tree: sets `flag`.
__relay_admin_find() {
    for flag in "${flags[@]}" "${globals[@]}"; do
        [[ "|${flag%%[+=]*}|" == *"|$1|"* ]] && return 0
    done
    flag=''
    return 1
}

# Offers those of its arguments that begin with $typed.
__relay_admin_offer() {
    local one
    for one; do
        if [[ $one == "$typed"* ]]; then COMPREPLY+=("$keep$one"); fi
    done
}

# Offers what the program finds for this line: ids from the database, at once or not at all.
__relay_admin_ask() {
    local one
    while IFS=$'\t' read -r one _; do
        __relay_admin_offer "$one"
    done < <(command relay-admin __complete "${words[@]:1}" 2>/dev/null)
}

# Offers values of type $1.
__relay_admin_values() {
    local choices
    case $1 in
        ORG | AGENT | KEY-ID | COMMAND) __relay_admin_ask ;;
        FILE) compopt -o default ;;
        DIR) compopt -o dirnames ;;
        PROGRAM)
            if ((position == 0)); then mapfile -t COMPREPLY < <(compgen -c -- "$typed"); else compopt -o default; fi
            ;;
        *)
            IFS='|' read -r -a choices <<<"$1"
            __relay_admin_offer "${choices[@]}"
            ;;
    esac
}

# Offers the names of those of the flags in its arguments that may still be given.
__relay_admin_names() {
    local one names
    for one; do
        if [[ ${one%%=*} != *+ && " $given " == *" $one "* ]]; then continue; fi
        IFS='|' read -r -a names <<<"${one%%[+=]*}"
        __relay_admin_offer "${names[@]}"
    done
}

# Reads the words before the last: sets `path`, `position`, `given`, `ended`, and `expected`, the flag that waits for a value.
__relay_admin_read() {
    local word name i at
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if [[ -n $expected ]]; then
            expected=''
        elif [[ -n $ended || $word != -?* ]]; then
            if ((${#commands[@]} == 0)); then
                position=$((position + 1))
            else
                path=${path:+$path }$word
                __relay_admin_tree "$path" || return 1
            fi
        elif [[ $word == -- ]]; then
            ended=1
        elif [[ $word == --* ]]; then
            name=${word%%=*}
            __relay_admin_find "$name" && given+=" $flag"
            if [[ $flag == *=* && $word != *=* ]]; then expected=$flag; fi
        else
            for ((at = 1; at < ${#word}; at++)); do
                __relay_admin_find "-${word:at:1}" && given+=" $flag"
                [[ $flag == *=* ]] || continue
                if ((at + 1 == ${#word})); then expected=$flag; fi
                break
            done
        fi
    done
}

_relay_admin() {
    local words commands flags arguments flag typed keep='' path='' position=0 given='' ended='' expected='' argument
    local globals=(
        '-d|--dsn='
        '--dsn-file=FILE'
        '--service='
        '--sandbox'
        '--timeout='
        '-o|--output=table|json|jsonl|csv|id|env'
        '--json'
        '-q|--quiet'
        '-v|--verbose'
        '--color=auto|always|never'
        '--no-pager'
        '-n|--dry-run'
        '-y|--yes'
        '--no-input'
        '--reason='
        '--ticket='
        '--actor='
        '-h|--help'
        '-V|--version'
    )
    COMPREPLY=()
    __relay_admin_split
    typed=${words[${#words[@]} - 1]}
    __relay_admin_tree ''
    __relay_admin_read || return 0
    if [[ -z $expected && -z $ended && $typed == --*=* ]]; then
        __relay_admin_find "${typed%%=*}" || return 0
        expected=$flag
        # readline replaces what stands behind the =, if that ends a word for it.
        [[ $COMP_WORDBREAKS == *=* ]] || keep=${typed%%=*}=
        typed=${typed#*=}
    fi
    if [[ -n $expected ]]; then
        __relay_admin_values "${expected#*=}"
    elif [[ -z $ended && $typed == -* ]]; then
        __relay_admin_names "${flags[@]}" "${globals[@]}"
    elif ((${#commands[@]} > 0)); then
        __relay_admin_offer "${commands[@]}"
    elif ((${#arguments[@]} > 0)); then
        argument=${arguments[position]-}
        # The last one takes all the rest, if it may be repeated.
        if [[ -z $argument && ${arguments[${#arguments[@]} - 1]} == *+ ]]; then
            argument=${arguments[${#arguments[@]} - 1]}
        fi
        __relay_admin_values "${argument%+}"
    fi
}

complete -F _relay_admin relay-admin
