#include "relay/db/conninfo_names.hpp"

#include "relay/db/conninfo_parse.hpp"
#include "relay/model/text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cctype>

namespace relay::db {
namespace {

constexpr std::size_t longest_name = 40;
constexpr std::size_t most_digits = 4;

struct Known {
    std::string_view name;
    std::string_view owner;  ///< who has it
    std::string_view instead = {};  ///< libpq's keyword for it
};

/// Parameters that connection strings from elsewhere have, from the manuals of these drivers.
constexpr std::array known{
    Known{"pgbouncer", "Prisma"},
    Known{"schema", "Prisma"},
    Known{"connection_limit", "Prisma"},
    Known{"pool_timeout", "Prisma"},
    Known{"socket_timeout", "Prisma"},
    Known{"statement_cache_size", "Prisma"},
    Known{"sslaccept", "Prisma", "sslmode"},
    Known{"sslidentity", "Prisma", "sslcert"},
    Known{"uselibpqcompat", "node-postgres"},
    Known{"max", "node-postgres"},
    Known{"idle_timeout", "JavaScript drivers"},
    Known{"prepare", "JavaScript drivers"},
    Known{"prepared_statement_cache_size", "asyncpg"},
    Known{"command_timeout", "asyncpg"},
    Known{"async_fallback", "SQLAlchemy"},
    Known{"pool_size", "SQLAlchemy and Ecto"},
    Known{"charset", "SQLAlchemy"},
    Known{"max_overflow", "SQLAlchemy"},
    Known{"pool_pre_ping", "SQLAlchemy"},
    Known{"pool_recycle", "SQLAlchemy"},
    Known{"conn_max_age", "Django"},
    Known{"disable_server_side_cursors", "Django"},
    Known{"pool", "Rails"},
    Known{"adapter", "Rails"},
    Known{"encoding", "Rails", "client_encoding"},
    Known{"prepared_statements", "Rails"},
    Known{"reaping_frequency", "Rails"},
    Known{"checkout_timeout", "Rails"},
    Known{"advisory_locks", "Rails"},
    Known{"pool_max_conns", "pgx"},
    Known{"pool_min_conns", "pgx"},
    Known{"pool_max_conn_lifetime", "pgx"},
    Known{"pool_max_conn_idle_time", "pgx"},
    Known{"pool_health_check_period", "pgx"},
    Known{"default_query_exec_mode", "pgx"},
    Known{"statement_cache_capacity", "pgx"},
    Known{"description_cache_capacity", "pgx"},
    Known{"binary_parameters", "lib/pq"},
    Known{"disable_prepared_binary_result", "lib/pq"},
    Known{"currentSchema", "the JDBC driver"},
    Known{"ApplicationName", "the JDBC driver", "application_name"},
    Known{"sslfactory", "the JDBC driver"},
    Known{"prepareThreshold", "the JDBC driver"},
    Known{"loginTimeout", "the JDBC driver", "connect_timeout"},
    Known{"connectTimeout", "the JDBC driver", "connect_timeout"},
    Known{"socketTimeout", "the JDBC driver"},
    Known{"tcpKeepAlive", "the JDBC driver", "keepalives"},
    Known{"reWriteBatchedInserts", "the JDBC driver"},
    Known{"targetServerType", "the JDBC driver", "target_session_attrs"},
    Known{"stringtype", "the JDBC driver"},
    Known{"loadBalanceHosts", "the JDBC driver"},
    Known{"defaultRowFetchSize", "the JDBC driver"},
    Known{"search_path", "drivers"},
    Known{"statement_timeout", "drivers"},
    Known{"lock_timeout", "drivers"},
    Known{"idle_in_transaction_session_timeout", "drivers"},
    Known{"timezone", "drivers"},
    Known{"timeout", "drivers"},
    Known{"supa", "Supabase"},
    Known{"workaround", "Supabase"},
    Known{"username", "drivers", "user"},
    Known{"uid", "drivers", "user"},
    Known{"database", "drivers", "dbname"},
    Known{"db", "drivers", "dbname"},
    Known{"catalog", "drivers", "dbname"},
    Known{"server", "drivers", "host"},
    Known{"hostname", "drivers", "host"},
    Known{"passwd", "drivers", "password"},
    Known{"pwd", "drivers", "password"},
    Known{"ssl", "drivers", "sslmode"},
    Known{"pass", "drivers", "password"},
    Known{"tls", "drivers", "sslmode"},
    Known{"ssl_mode", "drivers", "sslmode"},
    Known{"sslca", "drivers", "sslrootcert"},
};

struct Newer {
    std::string_view name;
    int version;  ///< of libpq
};

constexpr std::array newer{
    Newer{"require_auth", 16},         Newer{"load_balance_hosts", 16},   Newer{"sslcertmode", 16},
    Newer{"gssdelegation", 17},        Newer{"sslnegotiation", 17},       Newer{"servicefile", 18},
    Newer{"sslkeylogfile", 18},        Newer{"scram_client_key", 18},     Newer{"scram_server_key", 18},
    Newer{"min_protocol_version", 18}, Newer{"max_protocol_version", 18}, Newer{"oauth_issuer", 18},
    Newer{"oauth_client_id", 18},      Newer{"oauth_client_secret", 18},  Newer{"oauth_scope", 18},
};

bool same_letters(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

template <typename Table>
auto const *find_in(Table const &table, std::string_view name) {
    auto const found = std::find_if(table.begin(), table.end(), [&](auto const &row) { return row.name == name; });
    auto const similar =
        std::find_if(table.begin(), table.end(), [&](auto const &row) { return same_letters(row.name, name); });
    auto const best = found != table.end() ? found : similar;
    return best == table.end() ? nullptr : &*best;
}

std::vector<std::string> const &keywords() {
    static std::vector<std::string> const all = [] {
        std::vector<std::string> names;
        Options const options(PQconninfoParse("", nullptr));  // not PQconndefaults, which fails on a missing service
        for (PQconninfoOption const *option = options.get(); option != nullptr && option->keyword != nullptr;
             ++option) {
            names.emplace_back(option->keyword);
        }
        return names;
    }();
    return all;
}

/// Reads one part, letters and then digits. Returns its length; 0 if there is none.
std::size_t part_at(std::string_view text) {
    auto const letters = std::find_if_not(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c); });
    auto const digits = std::find_if_not(letters, text.end(), [](unsigned char c) { return std::isdigit(c); });
    bool const is_short = digits - letters <= static_cast<std::ptrdiff_t>(most_digits);
    return is_short ? static_cast<std::size_t>(digits - text.begin()) : 0;
}

}  // namespace

bool is_like_a_name(std::string_view text) {
    if (text.empty() || text.size() > longest_name || !std::isalpha(static_cast<unsigned char>(text.front()))) {
        return false;
    }
    for (;;) {
        std::size_t const length = part_at(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
        if (text.empty()) {
            return true;
        }
        if (std::string_view("_-.").find(text.front()) == std::string_view::npos) {
            return false;
        }
        text.remove_prefix(1);
    }
}

bool is_keyword(std::string_view text) {
    return std::find(keywords().begin(), keywords().end(), text) != keywords().end();
}

ForeignParameter describe_foreign(std::string_view name) {
    if (Newer const *const later = find_in(newer, name)) {
        return {.why = fmt::format("libpq knows {} from version {} on, but this program uses libpq {}", name,
                                   later->version, PQlibVersion() / 10'000)};
    }
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    ForeignParameter found;
    if (Known const *const other = find_in(known, name)) {
        found.why = fmt::format("{} is a parameter of {}", name, other->owner);
        if (!other->instead.empty()) {
            found.instead.emplace_back(other->instead);
        }
        return found;
    }
    found.instead = closest(lower, keywords());
    return found;
}

bool is_known_elsewhere(std::string_view name) {
    return find_in(known, name) != nullptr || find_in(newer, name) != nullptr;
}

}  // namespace relay::db
