#include "relay/db/conninfo_parse.hpp"

#include "relay/db/conninfo_diagnosis.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

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

namespace {

/// Variables and files often have a line end behind the connection string, which libpq would take as a part of a value.
std::string without_line_end(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    return std::string(text.substr(0, text.find_last_not_of("\r\n") + 1));
}

/// Returns the first keyword whose value is not UTF-8, which percent escapes can cause; null: there is none. A password
/// may have any bytes, and no message shows it.
char const *keyword_not_in_utf8(PQconninfoOption const *option) {
    for (; option->keyword != nullptr; ++option) {
        bool const is_secret = std::string_view(option->dispchar) == "*";
        if (!is_secret && option->val != nullptr && !is_clean_utf8(option->val)) {
            return option->keyword;
        }
    }
    return nullptr;
}

}  // namespace

Keywords parse_conninfo(Settings const &settings) {
    std::string const conninfo = without_line_end(settings.conninfo);
    if (conninfo.empty()) {
        return {};
    }
    std::string const origin = settings.origin.empty() ? "" : ", from " + settings.origin;
    if (!is_clean_utf8(conninfo)) {
        throw Error(ErrorKind::usage, "the connection string is not valid UTF-8 (text withheld" + origin + ")");
    }
    char *message = nullptr;
    Options const options(PQconninfoParse(conninfo.c_str(), &message));
    // libpq's message quotes what it could not read, which may be a part of the password. So it is dropped unread.
    PQfreemem(message);
    if (!options) {
        Diagnosis found = diagnose(conninfo);
        throw Error(ErrorKind::usage,
                    "the connection string is not valid" + (found.what.empty() ? "" : ": " + found.what) +
                        " (text withheld" + origin + ")",
                    {.why = found.why, .next = found.next, .suggestions = found.suggestions});
    }
    if (char const *const keyword = keyword_not_in_utf8(options.get()); keyword != nullptr) {
        throw Error(ErrorKind::usage,
                    "the connection string is not valid: its " + std::string(keyword) +
                        " is not valid UTF-8 (text withheld" + origin + ")",
                    {.why = "a percent escape is one byte, and these bytes are not text",
                     .next = "write each character as its bytes in UTF-8: %C3%A4 for \u00e4"});
    }
    Keywords keywords = keywords_of(options.get());
    if (!settings.allow_password && (keywords.contains("password") || keywords.contains("sslpassword"))) {
        throw Error(
            ErrorKind::usage,
            (settings.origin.empty() ? "the connection string" : settings.origin) + " contains a password",
            {.why = "every user of this machine can read command lines", .next = advise(Act::keep_password_in_file)});
    }
    if (Misread const fault = find_misread(conninfo, keywords); !fault.what.empty()) {
        throw Error(ErrorKind::usage,
                    "the connection string is not valid: " + fault.what + " (text withheld" + origin + ")",
                    {.next = fault.next});
    }
    return keywords;
}

char const *service_of(Keywords const &given) {
    auto const service = given.find("service");
    return service != given.end() ? service->second.c_str() : std::getenv("PGSERVICE");
}

}  // namespace relay::db
