#include "relay/db/conninfo.hpp"

#include "relay/db/conninfo_parse.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>

namespace relay::db {
namespace {

/// Refuses a PGSERVICEFILE that does not exist. libpq would silently take the service from the system's file, which
/// may be another database.
void check_service_file() {
    char const *const chosen = std::getenv("PGSERVICEFILE");
    if (chosen == nullptr || *chosen == '\0' || ::access(chosen, F_OK) == 0) {
        return;
    }
    throw Error(ErrorKind::usage, "cannot read the service file " + std::string(chosen),
                {.why = "PGSERVICEFILE names this file, but it does not exist",
                 .next = "set PGSERVICEFILE to your service file, or unset it"});
}

/// Returns what libpq would use for keywords that are not given: service file, environment, compiled-in, in this
/// order.
Keywords defaults(Keywords const &given) {
    char const *const service = service_of(given);
    if (service != nullptr) {
        check_service_file();
    }
    ScopedVariable const scoped_service("PGSERVICE", service);
    // libpq's default, prefer, looks the same as an explicit prefer. So set our own default as PGSSLMODE while we
    // ask.
    char const *const wished = std::getenv("PGSSLMODE");
    ScopedVariable const scoped_sslmode("PGSSLMODE", wished != nullptr && *wished != '\0' ? wished : "verify-full");
    ScopedVariable const no_options("PGOPTIONS", nullptr);
    Options const options(PQconndefaults());
    return keywords_of(options.get());
}

bool is_local(std::string_view host) {
    return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
           host.starts_with("127.") || host == "::1";
}

bool all_local(std::string const &hosts) {
    for (std::size_t start = 0; start <= hosts.size();) {
        std::size_t const comma = std::min(hosts.find(',', start), hosts.size());
        if (!is_local(std::string_view(hosts).substr(start, comma - start))) {
            return false;
        }
        start = comma + 1;
    }
    return true;
}

std::string value_or(Keywords const &given, Keywords const &fallback, char const *keyword) {
    if (auto const found = given.find(keyword); found != given.end()) {
        return found->second;
    }
    auto const found = fallback.find(keyword);
    return found != fallback.end() ? found->second : std::string();
}

std::string describe_target(Keywords const &given, Keywords const &fallback, std::string const &hosts) {
    std::string const database = value_or(given, fallback, "dbname");
    std::string const user = value_or(given, fallback, "user");
    std::string const port = value_or(given, fallback, "port");
    std::string place = hosts.empty() ? std::string("the local socket") : hosts;
    if (!place.starts_with('/') && !port.empty()) {
        place += hosts.empty() ? ", port " + port : ":" + port;
    }
    return escape_for_terminal((database.empty() ? user : database) + " at " + place);
}

}  // namespace

std::string quote_conninfo_value(std::string_view value) {
    std::string quoted = "'";
    for (char const c : value) {
        if (c == '\'' || c == '\\') {
            quoted += '\\';
        }
        quoted += c;
    }
    return quoted + "'";
}

bool is_fit_to_show(std::string const &conninfo) {
    Settings settings;
    settings.conninfo = conninfo;
    settings.allow_password = false;
    try {
        parse_conninfo(settings);
    } catch (Error const &) {
        return false;
    }
    return true;
}

Conninfo complete_conninfo(Settings const &settings) {
    Keywords keywords = parse_conninfo(settings);
    Keywords const fallback = defaults(keywords);

    std::string const names = value_or(keywords, fallback, "host");
    std::string const addresses = value_or(keywords, fallback, "hostaddr");
    std::string const &hosts = names.empty() ? addresses : names;
    Conninfo result;
    result.hosts = 1 + static_cast<int>(std::count(hosts.begin(), hosts.end(), ','));
    result.target = describe_target(keywords, fallback, hosts);

    // A host name may be given with an address that is not its own, so both must be local to need no certificate.
    if (!all_local(names) || !all_local(addresses)) {
        keywords.emplace("sslmode", value_or({}, fallback, "sslmode"));
    }
    if (result.hosts > 1 && value_or(keywords, fallback, "target_session_attrs") == "any") {
        keywords["target_session_attrs"] = "read-write";
    }
    // Set explicitly, even if empty, so that PGOPTIONS in the environment is ignored.
    keywords.emplace("options", value_or({}, fallback, "options"));
    keywords["client_encoding"] = "UTF8";
    keywords["application_name"] = settings.application_name;
    auto const seconds = std::chrono::ceil<std::chrono::seconds>(settings.timeout).count() / result.hosts;
    keywords["connect_timeout"] = std::to_string(std::max<long>(seconds, 2));

    for (auto const &[keyword, value] : keywords) {
        result.text += (result.text.empty() ? "" : " ") + keyword + "=" + quote_conninfo_value(value);
    }
    return result;
}

}  // namespace relay::db
