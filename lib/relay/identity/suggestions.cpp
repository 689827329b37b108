#include "relay/identity/suggestions.hpp"

#include "relay/db/list_text.hpp"
#include "relay/model/ascii.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <map>

namespace relay::sql {
namespace {

constexpr std::size_t most = 3;
constexpr std::size_t least_beginning = 3;

/// What ids consist of: of old ones, those with capitals are found only by the case of a letter.
constexpr std::string_view id_letters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
/// For a longer id, there are only as many texts as it has letters: those without one letter, and with two swapped.
constexpr std::size_t longest_with_other_letters = 63;

std::string in_other_case(std::string id, std::size_t at) {
    char &letter = id[at];
    bool const is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    letter = is_letter ? static_cast<char>(letter ^ 0x20) : letter;
    return id;
}

/// Returns the texts at Damerau-Levenshtein distance 1 from `id`.
std::vector<std::string> one_slip_away(std::string const &id) {
    std::vector<std::string> texts;
    for (std::size_t at = 0; at < id.size(); ++at) {
        texts.push_back(std::string(id).erase(at, 1));
        texts.push_back(in_other_case(id, at));
        if (at > 0) {
            std::string &swapped = texts.emplace_back(id);
            std::swap(swapped[at - 1], swapped[at]);
        }
    }
    if (id.size() > longest_with_other_letters) {
        return texts;
    }
    for (std::size_t at = 0; at <= id.size(); ++at) {
        for (char const letter : id_letters) {
            texts.push_back(std::string(id).insert(at, 1, letter));
            if (at < id.size()) {
                texts.emplace_back(id)[at] = letter;
            }
        }
    }
    return texts;
}

/// Adds `id` in small letters and in capitals, each with the same separator between all of its parts, or with none.
void add_styles(std::vector<std::string> &texts, std::string const &id) {
    std::string lower;
    std::string upper;
    for (char const c : id) {
        lower += to_lower(c);
        upper += to_upper(c);
    }
    constexpr std::string_view separators = "-_.";
    auto const separates = [&](char c) { return separators.find(c) != separators.npos; };
    for (std::string const &text : {lower, upper, id}) {
        texts.push_back(text);
        std::string without = text;
        std::erase_if(without, separates);
        texts.push_back(without);
        for (char const separator : separators) {
            std::string &other = texts.emplace_back(text);
            std::replace_if(other.begin(), other.end(), separates, separator);
        }
    }
}

/// Adds ids that begin with `id`, shortest first: for a reader who knows only the beginning.
void add_longer(std::vector<std::string> &found, std::string const &id, std::vector<std::string> ids) {
    if (id.size() < least_beginning) {
        return;
    }
    std::sort(ids.begin(), ids.end(), [](std::string const &a, std::string const &b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    for (std::string const &candidate : ids) {
        bool const is_known = std::find(found.begin(), found.end(), candidate) != found.end();
        if (found.size() < most && candidate.starts_with(id) && !is_known) {
            found.push_back(candidate);
        }
    }
}

}  // namespace

std::vector<db::Param> near(std::string const &id) {
    std::vector<std::string> texts = one_slip_away(id);
    add_styles(texts, id);
    return {id, db::array_text(texts)};
}

Error no_such(std::string_view what, std::string const &id, db::Rows const &known, Advice list) {
    std::vector<std::string> ids;
    std::map<std::string, std::string> about;
    for (db::Row const row : known) {
        ids.push_back(row.text("id"));
        about.emplace(ids.back(), row.text("about"));
    }
    Hint hint{.next = std::move(list), .suggestions = closest(id, ids), .sought = {.kind = what, .text = id}};
    add_longer(hint.suggestions, id, std::move(ids));
    for (std::string const &suggestion : hint.suggestions) {
        hint.suggestion_texts.push_back(about.at(suggestion));
    }
    return {ErrorKind::not_found, "no " + std::string(what) + " " + id, std::move(hint)};
}

}  // namespace relay::sql
