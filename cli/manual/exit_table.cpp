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
    std::string_view next;
};

constexpr std::array meanings{
    Meaning{ErrorKind::internal, "a bug, and nothing else; please report it",
            "report it, with the command and the version (relay-admin version); before you run a change again, look at "
            "its effect"},
    Meaning{
        ErrorKind::usage,
        "a bad flag or argument; a confirmation or a place for the secret is missing; or the connection string does "
        "not fit (a missing database or service, TLS, a pooler that refuses it)",
        "read the why and next lines of the error; relay-admin help COMMAND lists the flags"},
    Meaning{ErrorKind::not_found, "no such organization, agent, role or key",
            "check the id: the error suggests similar ones, and relay-admin whois ID finds ids of other kinds"},
    Meaning{ErrorKind::denied, "the login was refused, or the database role lacks a privilege",
            "relay-admin whoami shows the login and its roles; relay-admin doctor names a missing privilege"},
    Meaning{ErrorKind::conflict, "it exists with other content, is in the wrong state, or is still in use",
            "the error names what differs or is in the way; relay-admin agent show AGENT shows the present state"},
    Meaning{ErrorKind::limit, "the plan or a quota is reached",
            "raise the limit (relay-admin org update ORG --max-agents N), or revoke agents that are no longer needed"},
    Meaning{ErrorKind::partial, "some rows of a batch failed; stdout shows which, and why",
            "look at stdout for what failed and why, mend that, and run the same command again"},
    Meaning{
        ErrorKind::unavailable,
        "the database cannot be reached, did not answer in time or has a fault, or this machine lacks memory or space; "
        "nothing was changed, so you can retry",
        "run the same command again, perhaps later; relay-admin doctor shows what is wrong with the connection"},
    Meaning{ErrorKind::unknown,
            "the connection was lost during COMMIT, and the outcome is not known yet; the message has the command that "
            "settles it",
            "run the command of the message (relay-admin recover OP-ID); for block and revoke, run the same command "
            "again until it is confirmed"},
    Meaning{ErrorKind::check_no,
            "a check failed: a key is refused or due, a wait timed out, a verification found differences",
            "look at stdout for what was found; a block or revocation that was not acknowledged in time is in force "
            "anyway"},
    Meaning{ErrorKind::schema,
            "the database schema is older or newer than this program, and nothing was changed; or the effect of a "
            "change was "
            "missing when it was read back, and the message says what is true now",
            "relay-admin schema status compares the versions, relay-admin schema verify finds rules, triggers and "
            "views that were changed by hand"},
    Meaning{
        ErrorKind::sink,
        "the secret could not be delivered; nothing was changed (with --deliver: not confirmed, and every key that may "
        "have arrived works)",
        "mend the place (room, rights, a file that exists), then run the same command again"},
    Meaning{ErrorKind::declined, "a question was answered with no, with the wrong id, or with Ctrl-D",
            "nothing, if you meant no; a script answers with --yes, or --confirm ID for an organization"},
    Meaning{
        ErrorKind::untold,
        "the change is committed, but the command could not write its result; check the state instead of repeating the "
        "command",
        "look at the state (relay-admin agent show AGENT), and repeat the command only after that"},
};

constexpr int killed_by = 128;  // a shell adds this to the number of the signal

}  // namespace

std::vector<ExitCode> exit_table() {
    std::vector<ExitCode> table{
        {static_cast<int>(ExitStatus::ok), "ok", "done, or already as requested, or an empty list", "nothing"}};
    for (Meaning const &meaning : meanings) {
        table.push_back({static_cast<int>(exit_status(meaning.kind)), std::string(text_of(meaning.kind)),
                         std::string(meaning.text), std::string(meaning.next)});
    }
    constexpr auto repeat = "run the same command again if you still need it";
    table.push_back({killed_by + SIGINT, "SIGINT",
                     "interrupted (Ctrl-C): the transaction was rolled back (after the commit: 14)", repeat});
    table.push_back(
        {killed_by + SIGTERM, "SIGTERM", "terminated: the transaction was rolled back (after the commit: 14)", repeat});
    return table;
}

}  // namespace relay::cli
