#include "cli/completion/script_text.hpp"
#include "cli/completion/scripts.hpp"
#include "cli/completion/value_kind.hpp"

namespace relay::cli {

namespace {

constexpr std::string_view head =
    R"bash(# bash completion of relay-admin: made from its command tree, so do not edit it.
# shellcheck shell=bash

# Tells of the command whose words are $1: what may follow them (`commands`), its flags and its arguments. A flag reads
# NAME[|NAME...][+][=[TYPE]]: with + it may be repeated, with = it takes a value. An argument reads TYPE[+].
__relay_admin_tree() {
    commands=() flags=() arguments=()
    case $1 in
)bash";

constexpr std::string_view tree_end = R"bash(        *) return 1 ;;
    esac
}
)bash";

constexpr std::string_view splitting = R"bash(
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
)bash";

constexpr std::string_view offering = R"bash(
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
)bash";

constexpr std::string_view ending = R"bash(    COMPREPLY=()
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
)bash";

/// What bash must know of a type; the rest is free text.
std::string type_for_bash(OptionModel const &option) {
    if (!option.choices.empty()) {
        return option.type;
    }
    ValueKind const kind = value_kind(option.type);
    return kind == ValueKind::text ? "" : kind == ValueKind::file ? "FILE" : option.type;
}

std::string word_for(OptionModel const &option) {
    std::string word = option.is_argument() ? type_for_bash(option) : joined(option.names, "|");
    word += option.repeatable ? "+" : "";
    if (!option.is_argument() && option.takes_value()) {
        word += '=' + type_for_bash(option);
    }
    return in_single_quotes(word);
}

std::string array(std::string const &indent, std::string_view name, std::vector<std::string> const &words) {
    if (words.empty()) {
        return "";
    }
    return indent + std::string(name) + "=(\n" + indent + "    " + joined(words, "\n" + indent + "    ") + '\n' +
           indent + ")\n";
}

std::string branch(Path const &path, std::string const &body) {
    return "        " + in_single_quotes(join_path(path)) + ")\n" + body + "            ;;\n";
}

std::string group_branch(ProgramModel const &program, Path const &path) {
    std::vector<std::string> words;
    for (Path const &below : program.below(path)) {
        words.push_back(below.back());
    }
    return branch(path, "            commands=(" + joined(words, " ") + ")\n");
}

std::string command_branch(SpelledCommand const &spelled) {
    std::vector<std::string> flags;
    std::vector<std::string> arguments;
    for (OptionModel const &option : spelled.command->options) {
        (option.is_argument() ? arguments : flags).push_back(word_for(option));
    }
    std::string const indent(12, ' ');
    std::string const body = array(indent, "flags", flags) + array(indent, "arguments", arguments);
    return branch(spelled.path, body.empty() ? indent + ":\n" : body);
}

}  // namespace

std::string bash_script(ProgramModel const &program) {
    std::string script(head);
    script += group_branch(program, {});
    for (SpelledCommand const &spelled : spelled_commands(program)) {
        script += spelled.command->is_group ? group_branch(program, spelled.path) : command_branch(spelled);
    }
    script.append(tree_end).append(splitting).append(offering);
    std::vector<std::string> globals;
    for (OptionModel const &option : program.globals) {
        globals.push_back(word_for(option));
    }
    return script.append(array("    ", "local globals", globals)).append(ending);
}

}  // namespace relay::cli
