#include "cli/environment/appended.hpp"

#include "cli/environment/names.hpp"
#include "cli/input/input_file.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <unistd.h>
#include <algorithm>
#include <optional>
#include <set>

namespace relay::cli {

namespace {

constexpr std::size_t most_bytes = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

Error bad_file(std::string const &path, std::string const &what, std::string why = {}) {
    return {ErrorKind::usage,
            input_name(path) + " (--append) " + what,
            {.why = std::move(why), .next = "give a file of NAME=VALUE lines"}};
}

/// Splits a line; none if it is empty or a comment.
std::optional<Variable> read_line(std::string_view line, std::string const &path, std::size_t number) {
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.front() == '#') {
        return std::nullopt;
    }
    std::size_t const equals = line.find('=');
    if (equals == std::string_view::npos || !is_variable_name(line.substr(0, equals))) {
        throw bad_file(path, "does not have NAME=VALUE in line " + std::to_string(number),
                       "a name has letters, digits and _, no digit first, and = follows it directly");
    }
    return Variable{.name = line.substr(0, equals), .value = line.substr(equals + 1)};
}

}  // namespace

AppendedVariables read_appended(Context &context, std::string const &path, std::vector<std::string> const &taken) {
    if (path == "-" && ::isatty(STDIN_FILENO) == 1) {
        throw Error(ErrorKind::usage, "--append - reads stdin, which is a terminal",
                    {.next = "name a file, or use a pipe"});
    }
    AppendedVariables appended{read_secret(context, path, "--append", most_bytes + 1)};
    std::string_view rest = appended.text.reveal();
    if (rest.size() > most_bytes) {
        throw bad_file(path, "is longer than 64 KiB");
    }
    if (rest.find('\0') != std::string_view::npos) {
        throw bad_file(path, "has a NUL byte", "no environment can hold one");
    }
    if (!is_clean_utf8(rest)) {
        throw bad_file(path, "is not UTF-8");
    }
    if (rest.starts_with(byte_order_mark)) {
        rest.remove_prefix(byte_order_mark.size());
    }
    std::set<std::string_view> const own(taken.begin(), taken.end());
    std::set<std::string_view> names = own;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        std::string_view const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        auto const variable = read_line(line, path, number);
        if (!variable) {
            continue;
        }
        if (!names.insert(variable->name).second) {
            throw bad_file(path, "has " + std::string(variable->name) + " again in line " + std::to_string(number),
                           own.contains(variable->name) ? "this command writes that variable itself" : "");
        }
        appended.variables.push_back(*variable);
    }
    return appended;
}

}  // namespace relay::cli
