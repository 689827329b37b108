#include "cli/command_line/other_words.hpp"

#include "cli/command_line/word_meanings.hpp"

#include <algorithm>
#include <string_view>

namespace relay::cli {

namespace {

/// Returns the kind of thing that a word names, in singular or plural; empty if none.
std::string_view noun_of(std::string_view word) {
    for (auto const &[noun, words] : nouns) {
        if (words.find(' ' + std::string(word) + ' ') != std::string_view::npos) {
            return noun;
        }
    }
    return {};
}

Verb verb_of(std::string_view word) {
    auto const found = std::find_if(synonyms.begin(), synonyms.end(), [&](Synonyms const &one) {
        return one.words.find(' ' + std::string(word) + ' ') != std::string_view::npos;
    });
    return found == synonyms.end() ? Verb::none : found->verb;
}

std::string_view command_for(std::string_view noun, Verb verb, std::string_view &why) {
    auto const found = std::find_if(meanings.begin(), meanings.end(),
                                    [&](Meaning const &one) { return one.noun == noun && one.verb == verb; });
    if (found == meanings.end()) {
        return {};
    }
    why = found->why;
    return found->command;
}

std::string_view phrase_for(std::string const &words) {
    auto const found =
        std::find_if(phrases.begin(), phrases.end(), [&](auto const &phrase) { return phrase.first == words; });
    return found == phrases.end() ? std::string_view() : found->second;
}

/// Fills in the id. Without one, returns the command's help, which is complete.
std::vector<std::string> filled(std::string_view command, Path const &ids, std::string &path) {
    std::vector<std::string> words;
    bool lacks_id = false;
    for (std::string &word : split_path(command)) {
        bool const is_id = word == "{}";
        lacks_id = lacks_id || (is_id && ids.empty());
        if (is_id) {
            words.insert(words.end(), ids.begin(), ids.end());
        } else if (word.starts_with('-')) {
            words.push_back(std::move(word));
        } else {
            path += (path.empty() ? "" : " ") + word;
            words.push_back(std::move(word));
        }
    }
    if (lacks_id) {
        words = split_path(path);
        words.emplace_back("--help");
    }
    return words;
}

bool is_last_word_of_several(std::span<Command const *const> table, std::string const &word) {
    return std::count_if(table.begin(), table.end(), [&](Command const *command) {
               return std::string_view(command->path).ends_with(' ' + word);
           }) > 1;
}

}  // namespace

std::optional<OtherWords> find_other_words(std::span<Command const *const> table, Path const &words) {
    // A last word of several of our commands, such as `create`, already has suggestions.
    if (words.empty() ||
        (words.size() == 1 && phrase_for(words[0]).empty() && is_last_word_of_several(table, words[0]))) {
        return std::nullopt;
    }
    // `agent delete bot`, `delete agent bot`, `delete bot`, `agents`
    std::string_view const first = noun_of(words[0]);
    std::string_view const second = words.size() > 1 ? noun_of(words[1]) : std::string_view();
    std::size_t used = words.size() > 1 && (!first.empty() || !second.empty()) ? 2 : 1;
    std::string_view const noun = !first.empty() ? first : !second.empty() ? second : "agent";
    bool const is_noun_alone = !first.empty() && words.size() == 1;
    Verb const verb = is_noun_alone ? Verb::list : verb_of(words[!first.empty() ? 1 : 0]);
    std::string_view why;
    std::string_view command = command_for(noun, verb, why);
    if (std::string_view const phrase =
            phrase_for(used == 2 ? std::string(noun) + ' ' + words[!first.empty() ? 1 : 0] : words[0]);
        command.empty() || !phrase.empty()) {
        command = phrase;
        why = {};
    }
    if (command.empty()) {
        return std::nullopt;
    }
    OtherWords found{.why = std::string(why)};
    found.next = filled(command, Path(words.begin() + static_cast<std::ptrdiff_t>(used), words.end()), found.path);
    bool const exists = find_command(table, split_path(found.path)) != nullptr;
    return exists && found.path != join_path(words) ? std::optional(std::move(found)) : std::nullopt;
}

}  // namespace relay::cli
