#include "relay/db/conninfo.hpp"

#include "relay/db/conninfo_parse.hpp"
#include "relay/db/password_file.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>

namespace relay::db {
namespace {

constexpr auto not_set = "\x01not set";

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
    // libpq's default, prefer, looks the same as an explicit prefer. So set a mark as PGSSLMODE while we ask.
    char const *const chosen = std::getenv("PGSSLMODE");
    ScopedVariable const scoped_sslmode("PGSSLMODE", chosen != nullptr && *chosen != '\0' ? chosen : not_set);
    ScopedVariable const no_options("PGOPTIONS", nullptr);
    Options const options(PQconndefaults());
    return keywords_of(options.get());
}

bool is_local(std::string_view host) {
    return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
           host.starts_with("127.") || host == "::1";
}

std::vector<std::string> split_list(std::string const &list) {
    std::vector<std::string> parts(1);
    for (char const c : list) {
        if (c == ',') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

bool all_local(std::string const &hosts) {
    auto const parts = split_list(hosts);
    return std::all_of(parts.begin(), parts.end(), is_local);
}

std::string value_or(Keywords const &given, Keywords const &fallback, char const *keyword) {
    if (auto const found = given.find(keyword); found != given.end()) {
        return found->second;
    }
    auto const found = fallback.find(keyword);
    return found != fallback.end() ? found->second : std::string();
}

/// Returns the connection string for each of several hosts. By libpq's rules there is one entry for each in `host` and
/// `hostaddr`, and one port for all or for each. If the lists do not fit, returns none: libpq refuses the whole.
std::vector<HostConninfo> split_hosts(Conninfo const &whole, std::string const &names, std::string const &addresses,
                                      std::string const &ports, std::string const &attributes) {
    auto const count = static_cast<std::size_t>(whole.hosts);
    auto const name = split_list(names);
    auto const address = split_list(addresses);
    auto const port = split_list(ports);
    bool const fits = (names.empty() || name.size() == count) && (addresses.empty() || address.size() == count) &&
                      (port.size() == 1 || port.size() == count);
    std::vector<HostConninfo> all;
    auto const add_all = [&](std::string const &more) {
        for (std::size_t i = 0; i < count; ++i) {
            std::string const one_port = port[port.size() == 1 ? 0 : i];
            std::string const one_name = names.empty() ? "" : name[i];
            all.push_back({.place = escape_for_terminal((names.empty() ? address[i] : one_name) + ':' + one_port),
                           .text = whole.text + " host=" + quote_conninfo_value(one_name) +
                                   " hostaddr=" + quote_conninfo_value(addresses.empty() ? "" : address[i]) +
                                   " port=" + quote_conninfo_value(one_port) + more});
        }
    };
    if (count > 1 && fits) {
        bool const rather_standby = attributes == "prefer-standby";
        add_all(rather_standby ? " target_session_attrs='standby'" : "");
        if (rather_standby) {
            add_all(" target_session_attrs='any'");
        }
    }
    return all;
}

std::string describe_target(Conninfo const &conninfo) {
    std::string place = conninfo.host.empty() ? std::string("the local socket") : conninfo.host;
    if (!place.starts_with('/') && !conninfo.port.empty()) {
        place += (conninfo.host.empty() ? ", port " : ":") + conninfo.port;
    }
    return escape_for_terminal(conninfo.database + " at " + place);
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
    result.host = hosts;
    result.port = value_or(keywords, fallback, "port");
    result.user = value_or(keywords, fallback, "user");
    std::string const database = value_or(keywords, fallback, "dbname");
    result.database = database.empty() ? result.user : database;
    result.target = describe_target(result);
    result.passfile = password_file(value_or(keywords, fallback, "passfile"));

    std::string const mode = value_or(keywords, fallback, "sslmode");
    // A host name may be given with an address that is not its own, so both must be local to need no certificate.
    bool const local = all_local(names) && all_local(addresses);
    result.mode_is_free = local && mode == not_set;
    result.mode_is_ours = !local && mode == not_set;
    result.sslmode = result.mode_is_ours ? "verify-full" : mode == not_set ? "" : mode;
    if (!local) {
        keywords.emplace("sslmode", result.sslmode);
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
    result.each_host =
        split_hosts(result, names, addresses, result.port, value_or(keywords, fallback, "target_session_attrs"));
    return result;
}

}  // namespace relay::db
