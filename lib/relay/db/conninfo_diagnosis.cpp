#include "relay/db/conninfo_diagnosis.hpp"

#include "relay/db/conninfo_names.hpp"
#include "relay/db/conninfo_parameters.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace relay::db {
namespace {

using Finding = std::optional<Diagnosis>;

constexpr std::string_view forms = "postgresql://user@host:5432/database, or host=... dbname=... user=...";

bool is_name_character(unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; }

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    return lower;
}

std::string_view without_blanks(std::string_view text) {
    constexpr char const *blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// Quotes that people and programs put around a value, in UTF-8.
constexpr std::array quotes{std::string_view("\""),     std::string_view("'"),      std::string_view("`"),
                            std::string_view("\u201c"), std::string_view("\u201d"), std::string_view("\u2018"),
                            std::string_view("\u2019"), std::string_view("\u201e"), std::string_view("\u00ab"),
                            std::string_view("\u00bb"), std::string_view("<"),      std::string_view(">")};

bool starts_with_quote(std::string_view text) {
    return std::any_of(quotes.begin(), quotes.end(), [&](std::string_view quote) { return text.starts_with(quote); });
}

bool ends_with_quote(std::string_view text) {
    return std::any_of(quotes.begin(), quotes.end(), [&](std::string_view quote) { return text.ends_with(quote); });
}

std::string_view without_first_quote(std::string_view text) {
    for (std::string_view const quote : quotes) {
        if (text.starts_with(quote)) {
            return text.substr(quote.size());
        }
    }
    return text;
}

/// Returns the scheme of an address, `postgresql` or `jdbc:postgresql`; empty if the text does not begin as one.
std::string_view scheme_of(std::string_view text) {
    std::size_t const end = text.find("://");
    if (end == std::string_view::npos || end == 0 || std::isalpha(static_cast<unsigned char>(text[0])) == 0) {
        return {};
    }
    std::string_view const scheme = text.substr(0, end);
    bool const fits = std::all_of(scheme.begin(), scheme.end(),
                                  [](unsigned char c) { return is_name_character(c) || c == '+' || c == ':'; });
    return fits ? scheme : std::string_view();
}

/// Returns true for the beginning of a connection string of any kind: an address, or one of libpq's keywords and `=`.
bool begins_like_conninfo(std::string_view text) {
    text = without_first_quote(without_blanks(text));
    auto const end = std::find_if_not(text.begin(), text.end(), is_name_character);
    std::string_view const word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    std::string_view const rest = without_blanks(text.substr(word.size()));
    return !scheme_of(text).empty() || (rest.starts_with('=') && is_keyword(in_lower_case(word)));
}

/// Takes a word from the front of `text`, without `$` and dashes before it. Empty: there is none.
std::string_view take_word(std::string_view &text) {
    text.remove_prefix(std::min(text.find_first_not_of("-$ \t"), text.size()));
    auto const end = std::find_if_not(text.begin(), text.end(), is_name_character);
    std::string_view const word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    return word;
}

/// Finds what comes before a connection string: `NAME=`, `export NAME=`, `NAME: `, `$env:NAME = `, `psql `, `--dsn `.
Finding find_name_in_front(std::string_view text) {
    constexpr std::array leading{"export", "set", "setx", "setenv", "env", "psql", "d", "dsn", "dbname"};
    std::string_view rest = text;
    std::string_view word;
    bool is_leading = true;
    for (int count = 0; count < 3 && is_leading && !begins_like_conninfo(rest); ++count) {
        word = take_word(rest);
        std::string const lower = in_lower_case(word);
        is_leading = std::find(leading.begin(), leading.end(), lower) != leading.end();
        std::string_view const after = without_blanks(rest);
        bool const assigns = after.starts_with('=') || after.starts_with(':');
        if (word.empty() || !(assigns || (is_leading && after.size() < rest.size()))) {
            return std::nullopt;
        }
        rest = after.substr(assigns ? 1 : 0);
    }
    if (word.empty() || !begins_like_conninfo(rest)) {
        return std::nullopt;
    }
    std::string const shown = is_like_a_name(word) ? " (" + std::string(word) + ')' : "";
    return Diagnosis{
        .what = (is_leading ? "it begins with a command or a flag" : "it begins with the name of a variable") + shown,
        .why = "only the text after it is the connection string",
        .next = "remove what is in front of the connection string, and the quotes around it"};
}

Finding find_quotes(std::string_view text) {
    if (!starts_with_quote(text) && !(ends_with_quote(text) && !scheme_of(text).empty())) {
        return std::nullopt;
    }
    bool const both = starts_with_quote(text) && ends_with_quote(text);
    return Diagnosis{.what = both ? "it is in quotes" : "it has a quote at one end",
                     .why = "a shell removes such quotes, but files, Docker and systemd may pass them on",
                     .next = "remove the quotes around the connection string"};
}

/// Returns true if the scheme may be shown. It could be a part of a password that contains "://", so each of its parts
/// must be a known name, or begin with one and have little more: postgres-ql, psycopg-2, http-s.
bool is_known_scheme(std::string_view scheme) {
    constexpr std::array names{"postgres",  "pgsql",  "psql",    "postgis",   "asyncpg",  "pg8000",    "psycopg",
                               "jdbc",      "r2dbc",  "odbc",    "cockroach", "redshift", "timescale", "ecto",
                               "prisma",    "mysql",  "mariadb", "sqlite",    "mongodb",  "redis",     "http",
                               "sqlserver", "oracle", "vertx",   "citus",     "yugabyte", "aiopg",     "pool",
                               "srv",       "pq",     "pymysql", "aiomysql"};
    constexpr std::size_t most_more = 3;
    while (!scheme.empty()) {
        std::string_view const part = scheme.substr(0, scheme.find_first_of("+:/-"));
        bool const is_known = part.empty() || std::any_of(names.begin(), names.end(), [&](std::string_view name) {
                                  return part.starts_with(name) && part.size() <= name.size() + most_more;
                              });
        if (!is_known) {
            return false;
        }
        scheme.remove_prefix(std::min(part.size() + 1, scheme.size()));
    }
    return true;
}

/// Returns the beginning of an address up to `://`, or up to the `:` of a form that has no `//`; empty: none.
std::string_view beginning_of_address(std::string_view text) {
    if (std::string_view const scheme = scheme_of(text); !scheme.empty()) {
        return text.substr(0, scheme.size() + 3);
    }
    constexpr std::array without_slashes{"jdbc:", "r2dbc:", "pgsql:", "postgresql:", "postgres:"};
    std::string const lower = in_lower_case(text.substr(0, 12));
    for (std::string_view const scheme : without_slashes) {
        if (lower.starts_with(scheme)) {
            return text.substr(0, scheme.size());
        }
    }
    return {};
}

Finding find_foreign_scheme(std::string_view text) {
    constexpr std::array others{"mysql", "mariadb", "sqlite", "mongodb", "redis", "http", "sqlserver", "oracle"};
    std::string_view const scheme = beginning_of_address(text);
    std::string const lower = in_lower_case(scheme);
    if (scheme.empty() || scheme == "postgresql://" || scheme == "postgres://") {
        return std::nullopt;
    }
    if (!is_known_scheme(lower)) {
        return Diagnosis{.what = "its scheme is not postgresql://", .next = "begin it with postgresql://"};
    }
    bool const is_other = std::any_of(others.begin(), others.end(),
                                      [&](char const *other) { return lower.find(other) != std::string::npos; });
    bool const is_ours = lower.starts_with("postgresql:") || lower.starts_with("postgres:");
    return Diagnosis{.what = fmt::format("it begins with {}, which libpq does not know", scheme),
                     .why = is_other  ? "this is the address of another kind of server"
                            : is_ours ? "libpq needs it in lower case, and with two slashes"
                                      : "this is the form of a driver or framework",
                     .next = is_other ? fmt::format("give the address of a PostgreSQL database: {}", forms)
                                      : "begin it with postgresql://, and keep user, host and database"};
}

/// Finds the strings of .NET, ODBC and PHP, which separate parameters by semicolons.
Finding find_semicolons(std::string_view text) {
    std::string_view const first = text.substr(0, text.find(';'));
    std::string_view const rest = text.substr(std::min(first.size() + 1, text.size()));
    if (first.size() == text.size() || first.find('=') == std::string_view::npos ||
        rest.find('=') == std::string_view::npos || !scheme_of(text).empty()) {
        return std::nullopt;
    }
    return Diagnosis{.what = "its parameters are separated by semicolons",
                     .why = "this is a connection string of .NET, ODBC or PHP",
                     .next = fmt::format("use libpq's form: {}", forms)};
}

}  // namespace

Diagnosis diagnose(std::string_view conninfo) {
    std::string_view const text = without_blanks(conninfo);
    for (auto const find :
         {find_foreign_scheme, find_name_in_front, find_quotes, find_semicolons, find_bad_parameters}) {
        if (Finding found = find(text)) {
            return *std::move(found);
        }
    }
    if (text.find_first_of(" =@") == std::string_view::npos) {
        return {.what = "it is a single word", .next = fmt::format("use one of libpq's forms: {}", forms)};
    }
    return {.why = "it is neither keyword=value pairs nor a postgresql:// address that libpq can read",
            .next = "percent-encode @ : / % ? # in a password, or keep the password in ~/.pgpass"};
}

}  // namespace relay::db
