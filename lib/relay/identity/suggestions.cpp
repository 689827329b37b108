#include "relay/identity/suggestions.hpp"

#include "relay/model/text.hpp"

#include <algorithm>
#include <map>

namespace relay::sql {
namespace {

constexpr std::size_t most = 3;
constexpr std::size_t least_beginning = 3;

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

std::string shared_beginning(std::string const &id) { return id.substr(0, (id.size() + 1) / 2); }

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
