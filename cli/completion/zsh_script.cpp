#include "cli/completion/script_text.hpp"
#include "cli/completion/scripts.hpp"
#include "cli/completion/value_kind.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::string_view head = R"zsh(#compdef relay-admin
# zsh completion of relay-admin: made from its command tree, so do not edit it.

# Offers what the program finds for this line: ids from the database, at once or not at all. Quotes are taken off the words,
# and nothing is expanded, let alone run.
_relay_admin_ask() {
    local line
    local -a found
    for line in "${(@f)$(command relay-admin __complete "$_relay_admin_line[@]" "${(Q)IPREFIX}${(Q)PREFIX}" 2>/dev/null)}"; do
        if [[ $line == *$'\t'* ]]; then
            found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        elif [[ -n $line ]]; then
            found+=("${line//:/\\:}")
        fi
    done
    _describe -t ids "${1:-id}" found
}

# The command line of another program.
_relay_admin_program() {
    while (( CURRENT > 1 )) && [[ $words[1] == -- ]]; do
        shift words
        (( CURRENT-- ))
    done
    _normal
}

# A group: $1 is its function, the rest are its commands as NAME:SUMMARY.
_relay_admin_group() {
    local function=$1 curcontext=$curcontext state
    local -a line members=("${@:2}")  # `commands` is what zsh's own completion looks up
    typeset -A opt_args
    _arguments -C -s -S "$_relay_admin_globals[@]" '(-): :->command' '(-)*:: :->rest' && return 0
    case $state in
        command) _describe -t commands 'relay-admin command' members ;;
        rest)
            function+=_${line[1]//-/_}
            (( $+functions[$function] )) && $function
            ;;
    esac
}

)zsh";

constexpr std::string_view ending = R"zsh(
_relay-admin() {
    local -a _relay_admin_line=("${(@Q)words[2,CURRENT-1]}")
)zsh";

constexpr std::string_view last = R"zsh(    _relay_admin
}

# Loaded from a folder of $fpath this file is the function's body; sourced, it defines it.
if [[ $funcstack[1] == _relay-admin ]]; then
    _relay-admin "$@"
else
    compdef _relay-admin relay-admin
fi
)zsh";

/// In the brackets of an option's explanation.
std::string explanation(std::string_view text) {
    std::string escaped;
    for (char const letter : text) {
        escaped +=
            letter == ']' || letter == '[' || letter == '\\' ? std::string{'\\', letter} : std::string(1, letter);
    }
    return '[' + escaped + ']';
}

std::string action(OptionModel const &option) {
    if (!option.choices.empty()) {
        return '(' + joined(option.choices, " ") + ')';
    }
    switch (value_kind(option.type)) {
        case ValueKind::text: return " ";
        case ValueKind::file: return "_files";
        case ValueKind::folder: return "_files -/";
        default: return " _relay_admin_ask " + option.value;  // the blank keeps _arguments from adding words of its own
    }
}

/// `(-o --output)--output=[format]:FORMAT:(table json)`
std::string flag_spec(OptionModel const &option, std::string const &name) {
    std::string spec = option.repeatable ? "*" : option.names.size() == 1 ? "" : '(' + joined(option.names, " ") + ')';
    spec += name;
    if (option.takes_value()) {
        spec += name.starts_with("--") ? "=" : "+";
    }
    spec += explanation(option.description);
    if (option.takes_value()) {
        spec +=
            ':' + (option.choices.empty() ? option.value : option.canonical_name().substr(2)) + ':' + action(option);
    }
    return in_single_quotes(spec);
}

std::vector<std::string> flag_specs(std::vector<OptionModel> const &options) {
    std::vector<std::string> specs;
    for (OptionModel const &option : options) {
        for (std::string const &name : option.names) {
            specs.push_back(flag_spec(option, name));
        }
    }
    return specs;
}

void append_argument(std::vector<std::string> &specs, OptionModel const &option) {
    if (value_kind(option.type) == ValueKind::program) {
        specs.push_back(in_single_quotes("*:::" + option.value + ":_relay_admin_program"));
        return;
    }
    specs.push_back(in_single_quotes((option.repeatable ? "*:" : ":") + option.value + ':' + action(option)));
}

std::string function_name(Path const &path) {
    std::string name = "_relay_admin";
    for (std::string const &word : path) {
        name += '_' + word;
    }
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string group_function(ProgramModel const &program, Path const &path) {
    std::string text = function_name(path) + "() {\n    _relay_admin_group " + function_name(path);
    for (Path const &below : program.below(path)) {
        text += " \\\n        " + in_single_quotes(below.back() + ':' + program.find(below)->summary);
    }
    return text + "\n}\n\n";
}

/// The global flags, without those for which the command has a flag of the same name.
std::string globals_for(ProgramModel const &program, CommandModel const &command) {
    std::string hidden;
    for (OptionModel const &global : program.globals) {
        for (OptionModel const &own : command.options) {
            if (!own.is_argument() && own.canonical_name() == global.canonical_name()) {
                hidden += (hidden.empty() ? "" : "|") + global.canonical_name();
            }
        }
    }
    return hidden.empty() ? "\"$_relay_admin_globals[@]\"" : "\"${(@)_relay_admin_globals:#*(" + hidden + ")[=[]*}\"";
}

std::string command_function(ProgramModel const &program, SpelledCommand const &spelled) {
    std::vector<std::string> specs = flag_specs(spelled.command->options);
    for (OptionModel const &option : spelled.command->options) {
        if (option.is_argument()) {
            append_argument(specs, option);
        }
    }
    std::string text =
        function_name(spelled.path) + "() {\n    _arguments -s -S " + globals_for(program, *spelled.command);
    for (std::string const &spec : specs) {
        text += " \\\n        " + spec;
    }
    return text + "\n}\n\n";
}

}  // namespace

std::string zsh_script(ProgramModel const &program) {
    std::string script(head);
    script += group_function(program, {});
    for (SpelledCommand const &spelled : spelled_commands(program)) {
        script +=
            spelled.command->is_group ? group_function(program, spelled.path) : command_function(program, spelled);
    }
    script.pop_back();
    script += ending;
    script += "    local -a _relay_admin_globals=(\n        " + joined(flag_specs(program.globals), "\n        ") +
              "\n    )\n";
    return script.append(last);
}

}  // namespace relay::cli
