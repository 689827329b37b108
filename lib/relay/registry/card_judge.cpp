#include "relay/registry/card_judge.hpp"

#include "relay/registry/jsonb_size.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace relay {
namespace {

using Kind = JsonValue::Kind;

constexpr std::size_t most_bytes = 65536;
constexpr std::size_t most_entries = 100;
constexpr std::size_t most_interfaces = 16;
constexpr std::size_t most_tags = 500;  // of all skills: each may become a term of the index
constexpr std::size_t longest_short_text = 255;  // in characters

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// A carriage return counts as the r, as in scan/matcher.hpp.
bool has_key(std::string_view text) {
    constexpr std::size_t prefix = 9;
    constexpr std::size_t id = 12;
    for (std::size_t at = text.find("elay_"); at != text.npos; at = text.find("elay_", at + 1)) {
        if (at == 0 || (text[at - 1] != 'r' && text[at - 1] != '\r')) {
            continue;
        }
        std::string_view const kind = text.substr(at + 5, 3);
        std::string_view const key_id = text.substr(std::min(at - 1 + prefix, text.size()), id);
        if ((kind == "sk_" || kind == "at_" || kind == "dt_") && key_id.size() == id &&
            key_id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz") == key_id.npos) {
            return true;
        }
    }
    return false;
}

/// Returns whether `test` is true for the value, or for any value in it.
template <typename Test>
bool any_value(JsonValue const &value, Test const &test) {
    return test(value) ||
           std::any_of(value.items.begin(), value.items.end(),
                       [&](JsonValue const &item) { return any_value(item, test); }) ||
           std::any_of(value.members.begin(), value.members.end(),
                       [&](auto const &member) { return any_value(member.second, test); });
}

/// Returns whether `test` is true for any text in the value, names of members included.
template <typename Test>
bool any_text(JsonValue const &value, Test const &test) {
    return any_value(value, [&](JsonValue const &one) {
        return test(one.text) || std::any_of(one.members.begin(), one.members.end(),
                                             [&](auto const &member) { return test(member.first); });
    });
}

/// Returns what follows an optional port: the host of `rest` is the same as ours.
bool is_own_host(std::string_view rest) {
    for (std::string_view const host : {"localhost", "127.0.0.1", "[::1]"}) {
        if (!rest.starts_with(host)) {
            continue;
        }
        std::string_view after = rest.substr(host.size());
        if (after.starts_with(':') && after.size() > 1 && after.find_first_not_of("0123456789", 1) != 1) {
            after.remove_prefix(std::min(after.find_first_not_of("0123456789", 1), after.size()));
        }
        return after.empty() || after.front() == '/' || after.front() == '?' || after.front() == '#';
    }
    return false;
}

bool is_address(std::string_view url) {
    constexpr std::string_view https = "https://";
    constexpr std::string_view http = "http://";
    if (std::any_of(url.begin(), url.end(), [](char c) { return c < '!' || c > '~'; })) {
        return false;
    }
    if (url.starts_with(https) && url.size() > https.size()) {
        char const first = url[https.size()];
        return (first >= '0' && first <= '9') || (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
               first == '[';
    }
    return url.starts_with(http) && is_own_host(url.substr(http.size()));
}

/// Collects the problems of one card. Each function gets the path of a value, and the value; null if there is none.
class Judge {
  public:
    std::vector<std::string> problems{};

    void note(std::string const &path, std::string_view what) { problems.push_back(path + ": " + std::string(what)); }

    void text(std::string const &path, JsonValue const *value) {
        if (value == nullptr || !value->is(Kind::text) || value->text.empty()) {
            note(path, "must be a text, not empty");
        }
    }

    void short_text(std::string const &path, JsonValue const *value) {
        if (value == nullptr || !value->is(Kind::text) || value->text.empty() ||
            characters(value->text) > longest_short_text) {
            note(path, "must be a text of 1 to 255 characters");
        }
    }

    void address(std::string const &path, JsonValue const *value, std::string_view otherwise = "") {
        if (value == nullptr || !value->is(Kind::text) || !value->text.starts_with("https://")) {
            if (value == nullptr || !value->is(Kind::text) || !is_address(value->text)) {
                note(path, "must begin with https://" + std::string(otherwise));
            }
        } else if (!is_address(value->text)) {
            note(path, "must be https://, a host, and no blanks or characters beyond ASCII");
        }
    }

    /// Notes what is wrong with the list itself, and calls `each` for its first entries.
    template <typename Each>
    void list(std::string const &path, JsonValue const *value, std::string_view of_what, Each const &each) {
        if (value == nullptr || !value->is(Kind::list)) {
            note(path, "must be a list of " + std::string(of_what));
            return;
        }
        if (value->items.size() > most_entries) {
            note(path, "has more than 100 entries");
        }
        for_first(path, value->items, most_entries, each);
    }

    void words(std::string const &path, JsonValue const *value) {
        list(path, value, "texts", [&](std::string const &at, JsonValue const &entry) { short_text(at, &entry); });
    }

    void interfaces(std::string const &path, JsonValue const &value, std::vector<std::string> const &names) {
        if (!value.is(Kind::list)) {
            note(path, "must be a list of interfaces");
            return;
        }
        if (value.items.size() > most_interfaces) {
            note(path, "has more than 16 interfaces");
        }
        for_first(path, value.items, most_interfaces, [&](std::string const &at, JsonValue const &entry) {
            if (is_object(at, entry)) {
                address(at + "/url", entry.find("url"));
                for (std::string const &name : names) {
                    short_text(at + "/" + name, entry.find(name));
                }
            }
        });
    }

    void capabilities(std::string const &path, JsonValue const *value) {
        if (value == nullptr || !value->is(Kind::object)) {
            note(path, "must be an object");
            return;
        }
        if (value->members.size() > most_entries ||
            std::any_of(value->members.begin(), value->members.end(),
                        [](auto const &member) { return characters(member.first) > longest_short_text; })) {
            note(path, "has more than 100 names, or one of more than 255 characters");
        }
        if (JsonValue const *const extensions = value->find("extensions")) {
            list(path + "/extensions", extensions, "extensions", [&](std::string const &at, JsonValue const &entry) {
                if (is_object(at, entry)) {
                    short_text(at + "/uri", entry.find("uri"));
                }
            });
        }
    }

    void skills(std::string const &path, JsonValue const *value) {
        std::set<std::string> ids;
        std::size_t tags = 0;
        list(path, value, "skills", [&](std::string const &at, JsonValue const &skill) {
            if (!is_object(at, skill)) {
                return;
            }
            JsonValue const *const id = skill.find("id");
            short_text(at + "/id", id);
            if (id != nullptr && id->is(Kind::text) && !ids.insert(id->text).second) {
                note(at + "/id", "is the id of an earlier skill, too");
            }
            short_text(at + "/name", skill.find("name"));
            text(at + "/description", skill.find("description"));
            JsonValue const *const own_tags = skill.find("tags");
            words(at + "/tags", own_tags);
            tags += own_tags != nullptr ? std::min(own_tags->items.size(), most_entries) : 0;
        });
        if (tags > most_tags) {
            note(path, "have more than 500 tags together");
        }
    }

  private:
    bool is_object(std::string const &path, JsonValue const &value) {
        if (!value.is(Kind::object)) {
            note(path, "must be an object");
        }
        return value.is(Kind::object);
    }

    template <typename Each>
    static void for_first(std::string const &path, std::vector<JsonValue> const &items, std::size_t most,
                          Each const &each) {
        for (std::size_t at = 0; at < std::min(items.size(), most); ++at) {
            each(path + "/" + std::to_string(at), items[at]);
        }
    }
};

}  // namespace

std::vector<std::string> card_problems(JsonValue const &card) {
    Judge judge;
    if (jsonb_size(card) > most_bytes) {
        return {"/: is larger than 64 KiB"};
    }
    if (any_text(card, [](std::string_view text) { return text.find('\0') != text.npos; })) {
        return {"/: has a NUL character"};
    }
    if (any_value(card, [](JsonValue const &one) { return one.is(Kind::number) && !jsonb_holds(one.text); })) {
        return {"/: has a number with more than 16383 decimals"};
    }
    if (any_text(card, has_key)) {
        judge.note("/", "has a key of this relay in it");
    }
    if (!card.is(Kind::object)) {
        judge.note("/", "must be an object");
    }
    judge.short_text("/name", card.find("name"));
    judge.text("/description", card.find("description"));
    judge.short_text("/version", card.find("version"));
    JsonValue const *const url = card.find("url");
    if (JsonValue const *const interfaces = card.find("supportedInterfaces")) {
        judge.interfaces("/supportedInterfaces", *interfaces, {"protocolBinding", "protocolVersion"});
        if (interfaces->is(Kind::list) && interfaces->items.empty()) {
            judge.note("/supportedInterfaces", "must have at least one interface");
        }
        if (url != nullptr) {
            judge.address("/url", url);
        }
    } else {
        judge.address("/url", url, " (or give supportedInterfaces)");
    }
    if (JsonValue const *const interfaces = card.find("additionalInterfaces")) {
        judge.interfaces("/additionalInterfaces", *interfaces, {"transport"});
    }
    for (std::string const name : {"protocolVersion", "preferredTransport"}) {
        if (JsonValue const *const value = card.find(name)) {
            judge.short_text("/" + name, value);
        }
    }
    judge.capabilities("/capabilities", card.find("capabilities"));
    judge.words("/defaultInputModes", card.find("defaultInputModes"));
    judge.words("/defaultOutputModes", card.find("defaultOutputModes"));
    judge.skills("/skills", card.find("skills"));
    return std::move(judge.problems);
}

}  // namespace relay
