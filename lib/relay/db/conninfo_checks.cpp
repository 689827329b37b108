#include "relay/db/conninfo_checks.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace relay::db {
namespace {

constexpr int highest_port = 65'535;

/// Returns true if `test` holds for each part of a comma-separated list.
template <typename Test>
bool all_of_list(std::string_view list, Test const &test) {
    for (;;) {
        std::size_t const comma = list.find(',');
        if (!test(list.substr(0, comma))) {
            return false;
        }
        if (comma == std::string_view::npos) {
            return true;
        }
        list.remove_prefix(comma + 1);
    }
}

bool is_port(std::string_view text) {
    int port = 0;
    auto const [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return text.empty() ||
           (failure == std::errc() && stop == text.data() + text.size() && port >= 1 && port <= highest_port);
}

/// A path may contain anything; @name is an abstract unix socket; a name or address has neither @ nor spaces.
bool is_host(std::string_view text) {
    if (text.starts_with('/')) {
        return true;
    }
    std::string_view const name = text.substr(text.starts_with('@') ? 1 : 0);
    return std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == '@' || c <= ' ' || c == 0x7F; });
}

/// Returns true if a URI has an @ too many. libpq takes what is before the first @ (if no / comes first) as user and
/// password, and any later @ as a part of the rest.
bool has_stray_at(std::string_view conninfo) {
    if (!conninfo.starts_with("postgresql://") && !conninfo.starts_with("postgres://")) {
        return false;
    }
    std::string_view rest = conninfo.substr(conninfo.find("://") + 3);
    if (std::size_t const end = rest.find_first_of("@/"); end != std::string_view::npos && rest[end] == '@') {
        rest.remove_prefix(end + 1);
    }
    std::string_view const host_to_database = rest.substr(0, rest.find('?'));
    return host_to_database.find('@') != std::string_view::npos;
}

std::string_view value_of(Keywords const &keywords, char const *keyword) {
    auto const found = keywords.find(keyword);
    return found == keywords.end() ? std::string_view() : std::string_view(found->second);
}

/// A closing quote whose opening quote was lost: libpq takes it as a part of the database's name.
bool has_lost_quote(std::string_view name) {
    return name.ends_with('"') || name.ends_with('\'') || name.ends_with("\u201d") || name.ends_with("\u2019");
}

/// `${DB_HOST}` or `{{ host }}`, from a template that no one filled in. Passwords may have such characters.
bool has_placeholder(Keywords const &keywords) {
    constexpr std::array names{"host", "hostaddr", "port", "dbname", "user"};
    return std::any_of(names.begin(), names.end(), [&](char const *name) {
        std::string_view const value = value_of(keywords, name);
        return value.find("${") != std::string_view::npos || value.find("{{") != std::string_view::npos ||
               value.find("$(") != std::string_view::npos;
    });
}

}  // namespace

Misread find_misread(std::string_view conninfo, Keywords const &keywords) {
    constexpr auto encode = "percent-encode @ : / % ? # in a password, or keep the password in ~/.pgpass";
    if (has_stray_at(conninfo)) {
        return {"it has one @ too many", encode};
    }
    if (has_lost_quote(value_of(keywords, "dbname"))) {
        return {"it has a quote at its end", "remove the quote, or put quotes around the whole of a value"};
    }
    if (has_placeholder(keywords)) {
        return {"it has a variable that was not filled in", "set the variable where the connection string is made"};
    }
    if (!all_of_list(value_of(keywords, "host"), is_host)) {
        return {"its host is neither a name nor a path", encode};
    }
    std::string_view const port = value_of(keywords, "port");
    if (!all_of_list(port, is_port)) {
        bool const is_address = conninfo.find("://") != std::string_view::npos;
        bool const is_number = port.find_first_not_of("0123456789,") == std::string_view::npos;
        return {"its port is not a number from 1 to 65535",
                is_address && !is_number ? encode : "write the server's port, such as port=5432"};
    }
    std::string_view const replication = value_of(keywords, "replication");
    if (constexpr std::array<std::string_view, 5> off{"", "false", "off", "no", "0"};
        std::find(off.begin(), off.end(), replication) == off.end()) {
        return {"it has replication=, and such a session runs no usual commands",
                "remove replication= from the connection string"};
    }
    return {};
}

}  // namespace relay::db
