#include "cli/command_line/attribution.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>

#include <pwd.h>
#include <unistd.h>

namespace relay::cli {

namespace {

constexpr std::size_t longest_actor = 200;

/// Escapes text from the environment and shortens it, never inside a character.
std::string tamed(std::string_view text) {
    std::string safe = escape_for_terminal(text);
    std::size_t end = std::min(safe.size(), longest_actor);
    while (end > 0 && end < safe.size() && (static_cast<unsigned char>(safe[end]) & 0xc0u) == 0x80u) {
        --end;
    }
    safe.resize(end);
    return safe;
}

std::string text_of(char const *value) { return value == nullptr ? "" : value; }

/// Returns the actor of a CI run, `SYSTEM:PROJECT@PERSON#RUN`; empty if the variable for the person is not set.
std::string ci_run(Environment const &environment, std::string const &system, char const *project, char const *person,
                   char const *run) {
    std::string const who = text_of(environment(person));
    if (who.empty()) {
        return "";
    }
    std::string const where = text_of(environment(project));
    std::string const which = text_of(environment(run));
    return system + ':' + (where.empty() ? "" : where + '@') + who + (which.empty() ? "" : '#' + which);
}

std::string login_name() {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd *found = nullptr;
    uid_t const user = ::geteuid();
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
        return found->pw_name;
    }
    return "uid:" + std::to_string(user);
}

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == text.npos; }
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

/// Returns the trace id of `00-TRACE-SPAN-FLAGS`: 2, 32, 16 and 2 hexadecimal digits in lower case. A later version may
/// add more after another hyphen.
std::optional<std::string> trace_of(std::string_view parent) {
    constexpr std::size_t length = 55;
    bool const shaped = parent.size() >= length && parent[2] == '-' && parent[35] == '-' && parent[52] == '-' &&
                        (parent.size() == length || (parent.substr(0, 2) != "00" && parent[length] == '-'));
    if (!shaped) {
        return std::nullopt;
    }
    std::string_view const trace = parent.substr(3, 32);
    std::string_view const span = parent.substr(36, 16);
    bool const valid = is_hex(parent.substr(0, 2)) && parent.substr(0, 2) != "ff" && is_hex(trace) && !is_zero(trace) &&
                       is_hex(span) && !is_zero(span) && is_hex(parent.substr(53, 2));
    return valid ? std::optional(std::string(trace)) : std::nullopt;
}

std::optional<Note> note(std::string_view what, std::optional<std::string> const &text) {
    return text ? std::optional(Note::parse(what, *text)) : std::nullopt;
}

}  // namespace

ClaimedActor claimed_actor(Globals const &globals, Environment const &environment) {
    if (globals.actor) {
        return {*globals.actor, "--actor"};
    }
    std::array const candidates{
        ClaimedActor{ci_run(environment, "github", "GITHUB_REPOSITORY", "GITHUB_ACTOR", "GITHUB_RUN_ID"),
                     "GITHUB_ACTOR"},
        ClaimedActor{ci_run(environment, "gitlab", "CI_PROJECT_PATH", "GITLAB_USER_LOGIN", "CI_JOB_ID"),
                     "GITLAB_USER_LOGIN"},
        ClaimedActor{text_of(environment("SUDO_USER")), "SUDO_USER"},
    };
    for (ClaimedActor const &candidate : candidates) {
        if (!candidate.name.empty()) {
            return {tamed(candidate.name), candidate.origin};
        }
    }
    return {tamed(login_name()), "login name"};
}

Attribution make_attribution(Globals const &globals, Environment const &environment) {
    std::optional<std::string> const trace = trace_of(text_of(environment("TRACEPARENT")));
    return {
        .actor = Note::parse("actor", claimed_actor(globals, environment).name),
        .reason = note("reason", globals.reason),
        .ticket = note("ticket", globals.ticket),
        .trace_id = trace ? *trace : generate_trace_id(),
    };
}

}  // namespace relay::cli
