#include "relay/db/conninfo_parameters.hpp"

#include "relay/db/conninfo_names.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace relay::db {
namespace {

using Finding = std::optional<Diagnosis>;

struct Parameter {
    std::string_view name{};
    std::string_view value{};  ///< of an address only
    bool has_value = true;
    bool may_be_password = false;  ///< true: the name may be a piece of a password that was not quoted or encoded
};

struct Parameters {
    std::vector<Parameter> all{};
    bool quote_is_open = false;
};

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

void skip_blanks(std::string_view &text) {
    auto const next = std::find_if_not(text.begin(), text.end(), is_blank);
    text.remove_prefix(static_cast<std::size_t>(next - text.begin()));
}

std::string_view take_until(std::string_view &text, auto const &stops) {
    auto const end = std::find_if(text.begin(), text.end(), stops);
    std::string_view const taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

/// Skips a value. Returns false if its quote is not closed.
bool skip_value(std::string_view &text) {
    bool const quoted = text.starts_with('\'');
    text.remove_prefix(quoted ? 1 : 0);
    while (!text.empty() && (quoted ? text.front() != '\'' : !is_blank(text.front()))) {
        text.remove_prefix(text.front() == '\\' && text.size() > 1 ? 2 : 1);
    }
    if (quoted && text.empty()) {
        return false;
    }
    text.remove_prefix(quoted ? 1 : 0);
    return true;
}

bool is_password(std::string_view name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    return lower.find("pass") != std::string::npos || lower == "pwd";
}

/// Reads `name = value` pairs as libpq does. A name that comes after a password may be the rest of it.
Parameters read_pairs(std::string_view text) {
    Parameters found;
    bool after_password = false;
    for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
        std::string_view const name = take_until(text, [](char c) { return c == '=' || is_blank(c); });
        skip_blanks(text);
        bool const has_value = text.starts_with('=');
        found.all.push_back({.name = name, .has_value = has_value, .may_be_password = after_password});
        after_password = after_password || is_password(name);
        if (has_value) {
            text.remove_prefix(1);
            skip_blanks(text);
            if (!skip_value(text)) {
                found.quote_is_open = true;
                break;
            }
        }
    }
    return found;
}

/// Reads the query of an address. If the part before it has an @ or : too many, a piece of a password may be in it.
Parameters read_query(std::string_view address) {
    Parameters found;
    std::string_view rest = address.substr(address.find("://") + 3);
    if (std::size_t const end = rest.find_first_of("@/"); end != std::string_view::npos && rest[end] == '@') {
        rest.remove_prefix(end + 1);
    }
    std::size_t const begin = rest.find('?');
    if (begin == std::string_view::npos) {
        return found;
    }
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    authority.remove_prefix(authority.starts_with('[') ? std::min(authority.find(']'), authority.size()) : 0);
    std::string_view const port = authority.substr(std::min(authority.find(':'), authority.size()));
    bool const spilled =
        rest.find('@') != std::string_view::npos || port.find_first_not_of(":,0123456789") != std::string_view::npos;
    for (std::string_view query = rest.substr(begin + 1); !query.empty();) {
        std::string_view pair = take_until(query, [](char c) { return c == '&'; });
        query.remove_prefix(query.empty() ? 0 : 1);
        std::string_view const name = take_until(pair, [](char c) { return c == '='; });
        std::string_view const value = pair.substr(std::min<std::size_t>(1, pair.size()));
        found.all.push_back({.name = name, .value = value, .has_value = !pair.empty(), .may_be_password = spilled});
    }
    return found;
}

bool may_be_shown(Parameter const &parameter) {
    return is_keyword(parameter.name) || is_known_elsewhere(parameter.name) ||
           (!parameter.may_be_password && is_like_a_name(parameter.name));
}

/// libpq also takes ssl=true in an address, as JDBC does.
bool is_accepted(Parameter const &parameter) {
    return is_keyword(parameter.name) || (parameter.name == "ssl" && parameter.value == "true") ||
           parameter.name.find('%') != std::string_view::npos;
}

std::string list_of(std::vector<std::string> const &names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    }
    return text;
}

Diagnosis withheld(bool may_be_password) {
    return {.what = "it has a parameter that libpq does not know (its name is withheld: it may be part of a password)",
            .next = may_be_password ? "put a password with a blank in single quotes, percent-encode @ : / % ? # in an "
                                      "address, or keep the password in ~/.pgpass"
                                    : "check the names of the parameters; percent-encode @ : / % ? # in a password"};
}

Finding find_unknown(Parameters const &parameters) {
    std::vector<std::string> names;
    Diagnosis found;
    for (Parameter const &parameter : parameters.all) {
        if (is_accepted(parameter) || !parameter.has_value) {
            continue;
        }
        if (!may_be_shown(parameter)) {
            return withheld(parameter.may_be_password);
        }
        ForeignParameter const foreign = describe_foreign(parameter.name);
        if (std::find(names.begin(), names.end(), parameter.name) != names.end()) {
            continue;
        }
        names.emplace_back(parameter.name);
        found.why += (found.why.empty() || foreign.why.empty() ? "" : "; ") + foreign.why;
        found.suggestions.insert(found.suggestions.end(), foreign.instead.begin(), foreign.instead.end());
    }
    if (names.empty()) {
        return std::nullopt;
    }
    bool const one = names.size() == 1;
    found.what =
        (one ? "it has the parameter " : "it has the parameters ") + list_of(names) + ", which libpq does not know";
    found.next =
        (found.suggestions.empty() ? "remove " : "correct or remove ") + list_of(names) + " in the connection string";
    return found;
}

Finding find_without_value(Parameters const &parameters, bool is_address) {
    auto const bare = std::find_if(parameters.all.begin(), parameters.all.end(),
                                   [](Parameter const &parameter) { return !parameter.has_value; });
    if (bare == parameters.all.end() || (!is_address && parameters.all.size() == 1)) {
        return std::nullopt;  // a single word: nothing more is known about it
    }
    bool const is_shown = is_keyword(bare->name) || (is_known_elsewhere(bare->name) && !bare->may_be_password);
    return Diagnosis{
        .what = (is_shown ? "its parameter " + std::string(bare->name) : std::string("one of its parameters")) +
                " has no = and no value",
        .next = is_address ? "write each parameter as name=value, with & between them"
                           : "write each parameter as name=value; put a value with a blank in single quotes"};
}

}  // namespace

std::optional<Diagnosis> find_bad_parameters(std::string_view conninfo) {
    bool const is_address = conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
    Parameters const parameters = is_address ? read_query(conninfo) : read_pairs(conninfo);
    if (Finding unknown = find_unknown(parameters)) {
        return unknown;
    }
    if (parameters.quote_is_open) {
        return Diagnosis{.what = "a single quote in it is not closed",
                         .next = "close the quote; write a quote inside a value as \\'"};
    }
    return find_without_value(parameters, is_address);
}

}  // namespace relay::db
