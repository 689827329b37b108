#include "cli/output/command_text.hpp"

#include "cli/command_line/connection_flags.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace relay::cli {

namespace {

constexpr auto program_name = "relay-admin";

bool is_plain_word(std::string_view text) {
    return !text.empty() &&
           text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-") ==
               std::string_view::npos;
}

/// Returns whether the command works without a database: the manual pages, and `sandbox`, which names its own.
bool needs_no_database(std::vector<std::string> const &words) {
    constexpr std::array without{"help", "sandbox", "completion", "version"};
    std::string const &first = words.front();
    return words.back() == "--help" || std::find(without.begin(), without.end(), first) != without.end() ||
           (first == "schema" && words.size() > 1 && (words[1] == "json" || words[1] == "print"));
}

}  // namespace

std::string shell_word(std::string_view text) {
    if (is_plain_word(text)) {
        return std::string(text);
    }
    std::string word = "'";
    for (char const letter : text) {
        word += letter == '\'' ? "'\\''" : std::string(1, letter);
    }
    return word + '\'';
}

std::string shell_line(std::vector<std::string> const &words) {
    std::string line;
    for (std::string const &word : words) {
        line += (line.empty() ? "" : " ") + shell_word(word);
    }
    return line;
}

std::string command_line(Globals const &globals, std::vector<std::string> const &words) {
    std::vector<std::string> all{program_name};
    if (!words.empty() && !needs_no_database(words) && !words.front().starts_with('-')) {
        std::vector<std::string> const flags = connection_flags(globals);
        all.insert(all.end(), flags.begin(), flags.end());
    }
    all.insert(all.end(), words.begin(), words.end());
    return shell_line(all);
}

void add_flag_words(std::vector<std::string> &words, std::string_view flag, std::string_view value) {
    words.emplace_back(flag);
    if (value.starts_with('-')) {
        words.back() += '=';
        words.back() += value;
    } else {
        words.emplace_back(value);
    }
}

Advice own_command(std::initializer_list<std::string_view> words) {
    return own_command(std::vector<std::string>(words.begin(), words.end()));
}

Advice own_command(std::vector<std::string> words) {
    return make_advice({.kind = Step::Kind::program, .words = std::move(words)});
}

}  // namespace relay::cli
