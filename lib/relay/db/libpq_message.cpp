#include "relay/db/libpq_message.hpp"

#include "relay/db/sqlstate.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

namespace relay::db {
namespace {

constexpr std::string_view to_server = "connection to server ";
constexpr std::string_view failed = " failed: ";

bool begins_attempt(std::string_view line) {
    constexpr std::array starts{to_server, std::string_view("could not translate host name ")};
    return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return line.starts_with(start); });
}

/// Returns the place in libpq's preamble, `at "h" (::1), port 5432` or `on socket "/tmp/.s.PGSQL.5432"`.
std::string place_in(std::string_view preamble) {
    if (std::string_view const path = quoted_after(preamble, "on socket \""); !path.empty()) {
        return "socket " + escape_for_terminal(path);
    }
    std::string const host = escape_for_terminal(quoted_after(preamble, "at \""));
    std::size_t const port = preamble.find(", port ");
    return host + (port == std::string_view::npos ? "" : ":" + escape_for_terminal(preamble.substr(port + 7)));
}

Attempt read_line(std::string_view line) {
    Attempt attempt;
    if (std::size_t const end = line.find(failed); line.starts_with(to_server) && end != std::string_view::npos) {
        attempt.place = place_in(line.substr(0, end));
        line.remove_prefix(end + failed.size());
    }
    Attempt const answer = read_answer(line);
    attempt.words = answer.words;
    attempt.sqlstate = answer.sqlstate;
    return attempt;
}

}  // namespace

std::string_view quoted_after(std::string_view message, std::string_view label) {
    std::size_t const at = message.find(label);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view const rest = message.substr(at + label.size());
    return rest.substr(0, rest.find('"'));
}

std::vector<Attempt> read_attempts(std::string_view message) {
    std::vector<Attempt> attempts;
    while (!message.empty()) {
        std::string_view const line = message.substr(0, message.find('\n'));
        message.remove_prefix(std::min(line.size() + 1, message.size()));
        if (!attempts.empty() && !begins_attempt(line)) {
            continue;
        }
        Attempt attempt = read_line(line);
        if (std::find(attempts.begin(), attempts.end(), attempt) == attempts.end()) {
            attempts.push_back(std::move(attempt));
        }
    }
    return attempts;
}

Attempt read_answer(std::string_view message) {
    std::string_view line = message.substr(0, message.find('\n'));
    Attempt answer{.sqlstate = find_sqlstate(line)};
    if (!answer.sqlstate.empty()) {
        line.remove_prefix(line.find(answer.sqlstate + ": ") + answer.sqlstate.size() + 2);
    }
    answer.words = escape_for_terminal(line);
    return answer;
}

}  // namespace relay::db
