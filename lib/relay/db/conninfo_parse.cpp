#include "relay/db/conninfo_parse.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

namespace relay::db {

ScopedVariable::ScopedVariable(char const *name, char const *value) : m_name(name) {
    if (char const *old = std::getenv(name)) {
        m_old = old;
        m_was_set = true;
    }
    value != nullptr ? setenv(name, value, 1) : unsetenv(name);
}

Keywords keywords_of(PQconninfoOption const *options) {
    Keywords keywords;
    for (; options != nullptr && options->keyword != nullptr; ++options) {
        if (options->val != nullptr && *options->val != '\0') {
            keywords.emplace(options->keyword, options->val);
        }
    }
    return keywords;
}

Keywords parse_conninfo(Settings const &settings) {
    if (settings.conninfo.empty()) {
        return {};
    }
    std::string const origin = settings.origin.empty() ? "" : ", from " + settings.origin;
    if (!is_clean_utf8(settings.conninfo)) {
        throw Error(ErrorKind::usage, "the connection string is not valid UTF-8 (text withheld" + origin + ")");
    }
    char *message = nullptr;
    Options const options(PQconninfoParse(settings.conninfo.c_str(), &message));
    // libpq's message quotes what it could not read, which may be a part of the password. So it is dropped unread.
    PQfreemem(message);
    if (!options) {
        throw Error(ErrorKind::usage, "the connection string is not valid (text withheld" + origin + ")",
                    {.why = "it is neither keyword=value pairs nor a postgresql:// address that libpq can read",
                     .next = "percent-encode @ : / % ? # in a password, or keep the password in ~/.pgpass"});
    }
    Keywords keywords = keywords_of(options.get());
    if (!settings.allow_password && (keywords.contains("password") || keywords.contains("sslpassword"))) {
        throw Error(
            ErrorKind::usage,
            (settings.origin.empty() ? "the connection string" : settings.origin) + " contains a password",
            {.why = "every user of this machine can read command lines", .next = advise(Act::keep_password_in_file)});
    }
    if (std::string const fault = find_misread(settings.conninfo, keywords); !fault.empty()) {
        throw Error(ErrorKind::usage, "the connection string is not valid: " + fault + " (text withheld" + origin + ")",
                    {.next = "percent-encode @ : / % ? # in a password, or keep the password in ~/.pgpass"});
    }
    return keywords;
}

char const *service_of(Keywords const &given) {
    auto const service = given.find("service");
    return service != given.end() ? service->second.c_str() : std::getenv("PGSERVICE");
}

}  // namespace relay::db
