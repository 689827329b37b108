#include "relay/db/bad_settings.hpp"

#include "relay/db/conninfo_names.hpp"
#include "relay/db/libpq_message.hpp"
#include "relay/db/service_files.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

namespace relay::db {
namespace {

bool is_about_server(std::string_view message) {
    constexpr std::array starts{"connection to server ", "could not translate host name ", "Unix-domain socket path ",
                                "could not create socket", "could not look up "};
    return std::any_of(starts.begin(), starts.end(), [&](char const *start) { return message.starts_with(start); });
}

/// Returns libpq's words before the value that it quotes.
std::string words_before_value(std::string_view message) {
    std::string_view const words = message.substr(0, message.find_first_of("\"\n"));
    std::size_t const end = words.find_last_not_of(" :");
    return end == std::string_view::npos ? "unreadable" : std::string(words.substr(0, end + 1));
}

std::string joined(std::vector<std::string> const &words) {
    std::string text;
    for (std::string const &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

BadSettings missing_service(std::string_view name) {
    ServiceFile const file = users_service_file();
    bool const is_shown = is_like_a_name(name);
    std::string const service = is_shown ? "the service " + std::string(name) : "the service (its name is withheld)";
    Hint hint{.why = file.exists
                         ? file.path + (file.names.empty() ? " has no services" : " has only: " + joined(file.names))
                         : file.path + " does not exist",
              .next = "add the section " + (is_shown ? '[' + std::string(name) + "] " : std::string()) + "to " +
                      file.path + ", or correct the name in --service, the connection string or the PG* variables"};
    if (is_shown) {
        hint.suggestions = closest(name, file.names);
    }
    return {ErrorKind::usage, service + " was not found in " + file.path + " or the system's pg_service.conf",
            std::move(hint)};
}

std::string complaint_of(std::string_view message) {
    std::string complaint = words_before_value(message);
    if (std::string_view const option = quoted_after(message, "for connection option \""); is_keyword(option)) {
        complaint += " for " + std::string(option);
    }
    if (std::string_view const path = quoted_after(message, "service file \""); !path.empty()) {
        std::size_t const line = message.find(", line ");
        complaint += ' ' + escape_for_terminal(path) +
                     escape_for_terminal(line == std::string_view::npos ? "" : message.substr(line, 12));
        complaint.erase(std::find(complaint.begin(), complaint.end(), '\n'), complaint.end());
    }
    return complaint;
}

}  // namespace

void refuse_bad_settings(std::string_view message, Settings const &settings) {
    if (is_about_server(message)) {
        return;
    }
    if (message.starts_with("definition of service ")) {
        throw missing_service(quoted_after(message, "service \""));
    }
    std::string const origin = settings.origin.empty() ? "" : " from " + settings.origin;
    std::string const where = "check the connection string" + origin + ", the PG* variables and the service file";
    bool const sslmode = message.starts_with("invalid sslmode value");
    throw BadSettings(
        ErrorKind::usage, "a setting of the connection is not valid: " + complaint_of(message) + " (text withheld)",
        {.next = sslmode ? "use disable, allow, prefer, require, verify-ca or verify-full; " + where : where});
}

}  // namespace relay::db
