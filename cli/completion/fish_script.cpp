#include "cli/completion/script_text.hpp"
#include "cli/completion/scripts.hpp"
#include "cli/completion/value_kind.hpp"

namespace relay::cli {

namespace {

constexpr std::string_view head =
    R"fish(# fish completion of relay-admin: made from its command tree, so do not edit it.

# Offers what the program finds for this line: ids from the database, at once or not at all.
function __relay_admin_ask
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    command -q relay-admin
    and command relay-admin __complete $words[2..] "$typed" 2>/dev/null
end

# True if the words of the command that is being typed are the arguments; what follows a whole command are its arguments.
function __relay_admin_at
    set -l words (commandline -opc)
    set -l path
    set -l is_value no
    for word in $words[2..]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case @GLOBALS@
                set is_value yes
            case '-*'
            case '*'
                set -a path $word
                contains -- "$path" $__relay_admin_whole
                and break
        end
    end
    test "$path" = "$argv"
end

)fish";

std::string quoted(std::string_view text) {
    std::string result = "'";
    for (char const letter : text) {
        result += letter == '\'' || letter == '\\' ? std::string{'\\', letter} : std::string(1, letter);
    }
    return result + '\'';
}

std::string with_globals(std::vector<OptionModel> const &globals) {
    std::string names;
    for (OptionModel const &option : globals) {
        if (option.takes_value()) {
            names += (names.empty() ? "" : " ") + joined(option.names, " ");
        }
    }
    std::string text(head);
    constexpr std::string_view mark = "@GLOBALS@";
    return text.replace(text.find(mark), mark.size(), names);
}

std::string values(OptionModel const &option) {
    if (!option.choices.empty()) {
        return " -x -a " + quoted(joined(option.choices, " "));
    }
    switch (value_kind(option.type)) {
        case ValueKind::text: return " -x";
        case ValueKind::file: return " -r -F";
        case ValueKind::folder: return " -x -a '(__fish_complete_directories)'";
        case ValueKind::program: return " -F -a '(__fish_complete_command)'";
        default: return " -x -a '(__relay_admin_ask)'";
    }
}

std::string flag_line(std::string const &start, OptionModel const &option) {
    std::string line = start;
    for (std::string const &name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    line += option.takes_value() ? values(option) : "";
    return line + " -d " + quoted(option.description) + '\n';
}

std::string start_for(Path const &path) {
    return "complete -c relay-admin -n " + quoted("__relay_admin_at" + (path.empty() ? "" : ' ' + join_path(path)));
}

std::string group_lines(ProgramModel const &program, Path const &path) {
    std::string text;
    for (Path const &below : program.below(path)) {
        text += start_for(path) + " -a " + below.back() + " -d " + quoted(program.find(below)->summary) + '\n';
    }
    return text;
}

std::string command_lines(SpelledCommand const &spelled) {
    std::string text;
    for (OptionModel const &option : spelled.command->options) {
        if (!option.is_argument()) {
            text += flag_line(start_for(spelled.path), option);
        } else if (std::string const offered = values(option); offered != " -x") {
            text += start_for(spelled.path) + offered + '\n';
        }
    }
    return text;
}

}  // namespace

std::string fish_script(ProgramModel const &program) {
    std::string script = with_globals(program.globals);
    std::string whole;
    std::string lines = group_lines(program, {});
    for (SpelledCommand const &spelled : spelled_commands(program)) {
        bool const is_group = spelled.command->is_group;
        whole += is_group ? "" : " \\\n    " + quoted(join_path(spelled.path));
        lines += is_group ? group_lines(program, spelled.path) : command_lines(spelled);
    }
    script += "set -g __relay_admin_whole" + whole + "\n\ncomplete -c relay-admin -f\n";
    for (OptionModel const &option : program.globals) {
        script += flag_line("complete -c relay-admin", option);
    }
    return script + lines;
}

}  // namespace relay::cli
