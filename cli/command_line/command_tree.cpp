#include "cli/command_line/command_tree.hpp"

#include "cli/command_line/other_words.hpp"
#include "cli/output/command_text.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::size_t most_suggestions = 3;

bool contains(std::vector<std::string> const &words, std::string const &word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

void add_next_word(std::vector<std::string> &words, std::string_view command_path, Path const &path) {
    Path const full = split_path(command_path);
    if (full.size() > path.size() && std::equal(path.begin(), path.end(), full.begin()) &&
        !contains(words, full[path.size()])) {
        words.push_back(full[path.size()]);
    }
}

/// Adds the paths whose last word is `word` or similar to it, for someone who writes "create agent" or "rotate-kye".
void add_by_last_word(std::vector<std::string> &found, std::span<Command const *const> table, std::string const &word) {
    std::vector<std::string> last_words;
    for (Command const *command : table) {
        last_words.push_back(split_path(command->path).back());
    }
    for (std::string const &near : closest(word, last_words)) {
        for (Command const *command : table) {
            std::string path(command->path);
            if (split_path(path).back() == near && !contains(found, path)) {
                found.push_back(std::move(path));
            }
        }
    }
}

}  // namespace

Path split_path(std::string_view path) {
    Path words;
    while (!path.empty()) {
        std::size_t const end = std::min(path.find(' '), path.size());
        if (end > 0) {
            words.emplace_back(path.substr(0, end));
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return words;
}

std::string join_path(Path const &path) {
    std::string text;
    for (std::string const &word : path) {
        text += text.empty() ? word : ' ' + word;
    }
    return text;
}

Command const *find_command(std::span<Command const *const> table, Path const &path) {
    std::string const text = join_path(path);
    auto const found = std::find_if(table.begin(), table.end(), [&](Command const *command) {
        return command->path == text || (!command->alias.empty() && command->alias == text);
    });
    return found == table.end() ? nullptr : *found;
}

std::vector<std::string> next_words(std::span<Command const *const> table, Path const &path) {
    std::vector<std::string> words;
    for (Command const *command : table) {
        add_next_word(words, command->path, path);
        add_next_word(words, command->alias, path);
    }
    return words;
}

std::vector<std::string> similar_commands(std::span<Command const *const> table, Path const &path) {
    std::vector<std::string> found;
    if (path.empty()) {
        return found;
    }
    Path parent(path.begin(), path.end() - 1);
    for (std::string const &word : closest(path.back(), next_words(table, parent))) {
        parent.push_back(word);
        found.push_back(join_path(parent));
        parent.pop_back();
    }
    if (found.empty()) {
        add_by_last_word(found, table, path.back());
    }
    found.resize(std::min(found.size(), most_suggestions));
    return found;
}

Advice help_of(Path const &path) {
    Path words = path;
    words.emplace_back(path.empty() ? "help" : "--help");
    return own_command(std::move(words));
}

Error unknown_command(std::span<Command const *const> table, Path const &path, Path const &following) {
    std::string message = "unknown command " + quote_for_message(join_path(path));
    Path words = path;
    words.insert(words.end(), following.begin(), following.end());
    if (std::optional<OtherWords> other = find_other_words(table, words)) {
        return {ErrorKind::usage,
                std::move(message),
                {.why = std::move(other->why),
                 .next = own_command(std::move(other->next)),
                 .suggestions = {std::move(other->path)}}};
    }
    auto suggestions = similar_commands(table, path);
    Advice next = suggestions.empty() ? help_of({}) : Advice();
    return {ErrorKind::usage, std::move(message), {.next = std::move(next), .suggestions = std::move(suggestions)}};
}

}  // namespace relay::cli
