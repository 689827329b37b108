#include "cli/manual/exit_table.hpp"

#include "cli/exit_status.hpp"

#include <array>
#include <csignal>
#include <string_view>

namespace relay::cli {

namespace {

struct Meaning {
    ErrorKind kind;
    std::string_view text;
};

constexpr std::array meanings{
    Meaning{ErrorKind::internal, "a bug, and nothing else; please report it"},
    Meaning{
        ErrorKind::usage,
        "a bad flag or argument; a confirmation or a place for the secret is missing; or the connection string does "
        "not fit (a missing database or service, TLS, a pooler that refuses it)"},
    Meaning{ErrorKind::not_found, "no such organization, agent, role or key"},
    Meaning{ErrorKind::denied, "the login was refused, or the database role lacks a privilege"},
    Meaning{ErrorKind::conflict, "it exists with other content, is in the wrong state, or is still in use"},
    Meaning{ErrorKind::limit, "the plan or a quota is reached"},
    Meaning{ErrorKind::partial, "some rows of a batch failed; stdout shows which, and why"},
    Meaning{
        ErrorKind::unavailable,
        "the database cannot be reached, did not answer in time or has a fault, or this machine lacks memory or space; "
        "nothing was changed, so you can retry"},
    Meaning{ErrorKind::unknown,
            "the connection was lost during COMMIT, and the outcome is not known yet; the message has the command that "
            "settles it"},
    Meaning{ErrorKind::check_no,
            "a check failed: a key is refused or due, a wait timed out, a verification found differences"},
    Meaning{ErrorKind::schema,
            "the database schema is older or newer than this program, and nothing was changed; or the effect of a "
            "change was "
            "missing when it was read back, and the message says what is true now"},
    Meaning{
        ErrorKind::sink,
        "the secret could not be delivered; nothing was changed (with --deliver: not confirmed, and every key that may "
        "have arrived works)"},
    Meaning{ErrorKind::declined, "a question was answered with no, with the wrong id, or with Ctrl-D"},
    Meaning{
        ErrorKind::untold,
        "the change is committed, but the command could not write its result; check the state instead of repeating the "
        "command"},
};

constexpr int killed_by = 128;  // a shell adds this to the number of the signal

}  // namespace

std::vector<ExitCode> exit_table() {
    std::vector<ExitCode> table{
        {static_cast<int>(ExitStatus::ok), "ok", "done, or already as requested, or an empty list"}};
    for (Meaning const &meaning : meanings) {
        table.push_back({static_cast<int>(exit_status(meaning.kind)), std::string(text_of(meaning.kind)),
                         std::string(meaning.text)});
    }
    table.push_back(
        {killed_by + SIGINT, "SIGINT", "interrupted (Ctrl-C): the transaction was rolled back (after the commit: 14)"});
    table.push_back(
        {killed_by + SIGTERM, "SIGTERM", "terminated: the transaction was rolled back (after the commit: 14)"});
    return table;
}

}  // namespace relay::cli
