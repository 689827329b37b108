#include "cli/docgen/shell_line.hpp"

#include <algorithm>
#include <vector>

namespace relay::cli::docgen {

namespace {

/// Returns the words of a line with their quotes.
std::vector<std::string> split_at_blanks(std::string_view line) {
    std::vector<std::string> words(1);
    char quote = 0;
    for (char const letter : line) {
        if (letter == ' ' && quote == 0) {
            words.emplace_back();
            continue;
        }
        words.back() += letter;
        if (quote == letter) {
            quote = 0;
        } else if (quote == 0 && (letter == '"' || letter == '\'')) {
            quote = letter;
        }
    }
    std::erase(words, "");
    return words;
}

/// Joins each flag with its value; every other word stays alone.
std::vector<std::string> split_into_units(std::string_view line) {
    std::vector<std::string> units;
    bool after_flag = false;
    for (std::string &word : split_at_blanks(line)) {
        bool const is_flag = word.size() > 1 && word.front() == '-';
        if (after_flag && !is_flag) {
            units.back() += ' ' + word;
        } else {
            units.push_back(std::move(word));
        }
        after_flag = is_flag;
    }
    return units;
}

std::string break_one_line(std::string_view line, std::size_t width) {
    constexpr std::string_view indent = "    ";
    constexpr std::string_view end_of_line = " \\\n";
    if (line.size() <= width) {
        return std::string(line);
    }
    std::string text;
    std::size_t start = 0;
    std::size_t column = 0;
    for (std::string const &unit : split_into_units(line)) {
        if (column > start && column + 1 + unit.size() + 2 > width) {
            text += std::string(end_of_line) + std::string(indent);
            start = indent.size();
            column = start;
        } else if (!text.empty()) {
            text += ' ';
            ++column;
        }
        text += unit;
        column += unit.size();
    }
    return text;
}

}  // namespace

std::string break_shell_line(std::string_view command, std::size_t width) {
    std::string text;
    while (!command.empty()) {
        std::string_view const line = command.substr(0, command.find('\n'));
        command.remove_prefix(std::min(line.size() + 1, command.size()));
        text += (text.empty() ? "" : "\n") + (line.starts_with(' ') ? std::string(line) : break_one_line(line, width));
    }
    return text;
}

}  // namespace relay::cli::docgen
