#include "cli/command_line/other_words.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace relay::cli {

namespace {

using TextPair = std::pair<std::string_view, std::string_view>;

enum class Verb { remove, pause, resume, list, show, make, change, rotate, check, none };

struct Synonyms {
    Verb verb;
    std::string_view words;  ///< separated by blanks
};

constexpr std::array synonyms{
    Synonyms{Verb::remove, " delete del rm remove destroy drop erase purge unregister terminate kill deprovision "},
    Synonyms{Verb::pause, " disable deactivate suspend pause ban lock freeze deny quarantine stop "},
    Synonyms{Verb::resume, " enable activate reactivate resume unlock unban unfreeze unsuspend allow start "},
    Synonyms{Verb::list, " ls list all index search find "},
    Synonyms{Verb::show, " get show describe info inspect view cat read details display "},
    Synonyms{Verb::make, " add create new make register insert issue generate provision "},
    Synonyms{Verb::change, " edit update set modify change rename patch put alter configure "},
    Synonyms{Verb::rotate, " rotate renew refresh roll rekey regenerate reset "},
    Synonyms{Verb::check, " check test validate verify lookup "},
};

/// The command for one verb of one kind of thing. `{}` is the id.
struct Meaning {
    std::string_view noun;
    Verb verb;
    std::string_view command;
    std::string_view why = {};
};

constexpr std::string_view agents_stay =
    "agents are not deleted: revoke ends an agent's keys permanently, block pauses it";
constexpr std::string_view orgs_stay =
    "organizations are not deleted: revoke ends the keys of all their agents permanently, block pauses them";
constexpr std::string_view keys_stay =
    "keys are not deleted: revoke ends a key permanently, and its agent's other keys work";
constexpr std::string_view made_by_rotation = "an agent gets a new key by rotate-key";

constexpr std::array meanings{
    Meaning{"agent", Verb::remove, "revoke {}", agents_stay},
    Meaning{"agent", Verb::pause, "block {}", "block pauses an agent, and keeps its keys"},
    Meaning{"agent", Verb::resume, "unblock {}"},
    Meaning{"agent", Verb::list, "agent list"},
    Meaning{"agent", Verb::show, "agent show {}"},
    Meaning{"agent", Verb::make, "agent create --help"},
    Meaning{"agent", Verb::change, "agent update --help"},
    Meaning{"agent", Verb::rotate, "rotate-key {}"},
    Meaning{"agent", Verb::check, "agent show {}"},
    Meaning{"org", Verb::remove, "revoke --org {}", orgs_stay},
    Meaning{"org", Verb::pause, "block --org {}", "block pauses all agents of an organization, and keeps their keys"},
    Meaning{"org", Verb::resume, "unblock --org {}"},
    Meaning{"org", Verb::list, "org list"},
    Meaning{"org", Verb::show, "org show {}"},
    Meaning{"org", Verb::make, "org create --help"},
    Meaning{"org", Verb::change, "org update --help"},
    Meaning{"key", Verb::remove, "revoke --key {}", keys_stay},
    Meaning{"key", Verb::pause, "revoke --key {}",
            "keys are not paused: revoke ends one permanently, block pauses an agent"},
    Meaning{"key", Verb::list, "key list"},
    Meaning{"key", Verb::show, "key show {}"},
    Meaning{"key", Verb::make, "rotate-key --help", made_by_rotation},
    Meaning{"key", Verb::rotate, "rotate-key --help", made_by_rotation},
    Meaning{"key", Verb::check, "key verify --help"},
    Meaning{"role", Verb::remove, "role delete --help"},
    Meaning{"role", Verb::list, "role list --help"},
    Meaning{"role", Verb::show, "role show --help"},
    Meaning{"role", Verb::make, "role create --help"},
    Meaning{"role", Verb::change, "role grant --help"},
};

/// Verbs of this program under another noun, and words that other programs use alone.
constexpr auto phrases = std::to_array<TextPair>({
    {"agent block", "block {}"},
    {"agent unblock", "unblock {}"},
    {"agent revoke", "revoke {}"},
    {"agent restore", "restore {}"},
    {"agent keys", "key list --agent {}"},
    {"org block", "block --org {}"},
    {"org unblock", "unblock --org {}"},
    {"org revoke", "revoke --org {}"},
    {"org restore", "restore --org {}"},
    {"org agents", "agent list --org {}"},
    {"key revoke", "revoke --key {}"},
    {"key block", "revoke --key {}"},
    {"role assign", "agent assign-role --help"},
    {"role unassign", "agent unassign-role --help"},
    {"status", "doctor"},
    {"health", "doctor"},
    {"ping", "doctor"},
    {"login", "whoami"},
    {"connect", "whoami"},
    {"install", "init"},
    {"setup", "init"},
    {"bootstrap", "init"},
    {"migrate", "schema apply"},
    {"upgrade", "schema apply"},
    {"undo", "unblock {}"},
    {"scan", "revoke --help"},
    {"settings", "config show"},
});

/// Returns the kind of thing that a word names, in singular or plural; empty if none.
std::string_view noun_of(std::string_view word) {
    constexpr auto nouns = std::to_array<TextPair>({
        {"agent", " agent agents bots clients users "},
        {"org", " org orgs organization organizations organisation organisations tenant tenants "},
        {"key", " key keys token tokens secret secrets apikey apikeys "},
        {"role", " role roles "},
    });
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
