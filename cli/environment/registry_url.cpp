#include "cli/environment/registry_url.hpp"

#include "relay/model/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace relay::cli {

namespace {

constexpr auto variable = "RELAY_ADMIN_REGISTRY_URL";
constexpr std::size_t longest = 2000;

/// The URL is not quoted in errors: it may hold a password.
Error bad_url(std::string const &origin, std::string const &what) {
    return {ErrorKind::usage, origin + " " + what, {.next = "for example " + origin + " https://relay.example.com"}};
}

bool is_url_character(char c) {
    return c > ' ' && c < '\x7f' && std::string_view("\"'<>\\^`{|}").find(c) == std::string_view::npos;
}

std::string_view after(std::string_view text, std::string_view beginning) {
    return text.starts_with(beginning) ? text.substr(beginning.size()) : std::string_view();
}

std::string check(std::string const &url, std::string const &origin) {
    if (url.size() > longest || !std::all_of(url.begin(), url.end(), is_url_character)) {
        throw bad_url(origin, "is not a URL: it has blanks or other signs, or more than 2000 characters");
    }
    std::string_view const authority = std::string_view(url).substr(0, url.find_first_of("/?#", url.find("//") + 2));
    if (authority.find('@') != std::string_view::npos) {
        throw bad_url(origin, "has a user or a password in it, and this command shows it to everyone");
    }
    std::string_view const local = after(authority, "http://");
    std::string_view const name =
        local.starts_with('[') ? local.substr(0, local.find(']') + 1) : local.substr(0, local.find(':'));
    bool const is_local = name == "localhost" || name == "127.0.0.1" || name == "[::1]";
    if (after(authority, "https://").empty() && !is_local) {
        throw bad_url(origin, "must begin with https://, or with http:// for this machine");
    }
    return url;
}

}  // namespace

std::optional<std::string> registry_url(std::optional<std::string> const &flag) {
    if (flag) {
        return check(*flag, "--registry-url");
    }
    char const *const set = std::getenv(variable);
    if (set == nullptr || *set == '\0') {
        return std::nullopt;
    }
    return check(set, variable);
}

}  // namespace relay::cli
