#include "relay/db/connection_settings.hpp"

#include "relay/db/conninfo.hpp"
#include "relay/db/conninfo_parse.hpp"
#include "relay/db/password_file.hpp"
#include "relay/model/text.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <list>

namespace relay::db {
namespace {

/// Listed before all others, in this order.
constexpr std::array always_told{"host", "port", "dbname", "user", "password", "sslmode"};

/// A value that no real setting can have.
constexpr char const *mark = "\x01relay-admin";

bool is_variable_of_a_setting(PQconninfoOption const &option) {
    return option.envvar != nullptr && std::string_view(option.keyword) != "service";
}

/// Returns the settings of the service file. libpq reads it before the environment, so with every variable set to the
/// mark, any other value comes from the file.
Keywords read_service(Keywords const &given) {
    char const *const service = service_of(given);
    Options const defaults(PQconndefaults());
    if (service == nullptr || !defaults) {
        return {};
    }
    std::list<ScopedVariable> marked;
    for (PQconninfoOption const *option = defaults.get(); option->keyword != nullptr; ++option) {
        if (is_variable_of_a_setting(*option)) {
            marked.emplace_back(option->envvar, mark);
        }
    }
    Keywords found;
    {
        ScopedVariable const scoped("PGSERVICE", service);
        Options const options(PQconndefaults());
        found = keywords_of(options.get());
    }
    ScopedVariable const scoped("PGSERVICE", nullptr);
    Options const without(PQconndefaults());
    for (auto const &[keyword, value] : keywords_of(without.get())) {
        if (auto const at = found.find(keyword); at != found.end() && (at->second == mark || at->second == value)) {
            found.erase(at);
        }
    }
    found.erase("service");
    return found;
}

/// Returns libpq's list of keywords, with the values of the environment and the compiled-in defaults.
Options known_settings() {
    ScopedVariable const no_service("PGSERVICE", nullptr);
    return Options(PQconndefaults());
}

std::string value_in(Keywords const &keywords, char const *keyword) {
    auto const found = keywords.find(keyword);
    return found == keywords.end() ? std::string() : found->second;
}

/// The sources of one connection, the strongest first.
struct Sources {
    Settings const &settings;
    Keywords given;
    Keywords service;
    Keywords effective;  ///< what complete_conninfo sets explicitly

    ConnectionSetting describe(PQconninfoOption const &option) const {
        ConnectionSetting setting{.keyword = option.keyword, .is_secret = std::string_view(option.dispchar) == "*"};
        std::string value;
        char const *const variable = option.envvar == nullptr ? nullptr : std::getenv(option.envvar);
        if (value = value_in(given, option.keyword); !value.empty()) {
            setting.origin = settings.origin;
        } else if (value = value_in(service, option.keyword); !value.empty()) {
            setting.origin = "service file";
        } else if (variable != nullptr && *variable != '\0') {
            value = variable;
            setting.origin = option.envvar;
        } else {
            value = option.val == nullptr ? "" : option.val;
            setting.origin = "default";
        }
        if (setting.keyword == "options" && !effective.contains("options")) {
            value.clear();  // PGOPTIONS is ignored
        } else if (auto const at = effective.find(option.keyword); at != effective.end() && at->second != value) {
            value = at->second;
            setting.origin = "relay-admin";
        }
        setting.is_set = !value.empty();
        setting.is_secret = setting.is_secret || may_hold_password(value);  // in the place of a name, say
        if (setting.is_set && !setting.is_secret) {
            setting.value = value;
        }
        return setting;
    }
};

std::size_t rank(ConnectionSetting const &setting) {
    auto const place = std::find(always_told.begin(), always_told.end(), setting.keyword);
    return static_cast<std::size_t>(place - always_told.begin());
}

/// Returns the file in which libpq looks for a password that is not set.
std::string passfile_origin(std::vector<ConnectionSetting> const &settings) {
    for (ConnectionSetting const &setting : settings) {
        if (setting.keyword == "passfile" && setting.value) {
            return *setting.value;
        }
    }
    return password_file("");
}

/// Adds what libpq fills in only when it connects.
void mend(std::vector<ConnectionSetting> &settings) {
    std::string const passfile = passfile_origin(settings);
    std::optional<std::string> user;
    for (ConnectionSetting const &setting : settings) {
        user = setting.keyword == "user" ? setting.value : user;
    }
    for (ConnectionSetting &setting : settings) {
        if (setting.keyword == "password" && !setting.is_set) {
            bool const is_read =
                ::access(passfile.c_str(), R_OK) == 0 && find_password_file_fault(passfile) == PasswordFileFault::none;
            setting.origin = is_read ? passfile + ", if a line of it fits" : "nowhere";
        } else if (setting.keyword == "user" && setting.origin == "default") {
            setting.origin = "login name";
        } else if (setting.keyword == "dbname" && !setting.is_set) {
            setting.value = user;
            setting.is_set = user.has_value();
            setting.origin = "the user's name";
        } else if (setting.keyword == "host" && !setting.is_set) {
            setting.origin = "default, the local socket";
        }
    }
}

}  // namespace

std::vector<ConnectionSetting> describe_connection(Settings const &settings) {
    Sources sources{.settings = settings, .given = parse_conninfo(settings), .service = {}, .effective = {}};
    sources.service = read_service(sources.given);
    Options const effective(PQconninfoParse(complete_conninfo(settings).text.c_str(), nullptr));
    sources.effective = keywords_of(effective.get());
    sources.effective.erase("fallback_application_name");

    std::vector<ConnectionSetting> found;
    Options const known = known_settings();
    for (PQconninfoOption const *option = known.get(); option != nullptr && option->keyword != nullptr; ++option) {
        ConnectionSetting setting = sources.describe(*option);
        bool const asked_for = rank(setting) < always_told.size();
        if (asked_for || (setting.is_set && setting.origin != "default")) {
            found.push_back(std::move(setting));
        }
    }
    mend(found);
    std::stable_sort(found.begin(), found.end(), [](auto const &a, auto const &b) { return rank(a) < rank(b); });
    return found;
}

}  // namespace relay::db
