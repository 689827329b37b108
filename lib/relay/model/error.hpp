#pragma once

#include "relay/model/advice.hpp"
#include "relay/model/text_of.hpp"

#include <exception>
#include <string>
#include <string_view>
#include <vector>

/// Error: the one exception of the library.
///
/// A caller needs to know three things, and each is a value, not words: the kind of error (what to do about it; it is
/// the program's exit code), whether anything changed in the database (`Changed`), and what to do next (`Advice`).
/// The texts are for people. The message is complete without the hint, and no text ever contains a secret. Only `db`
/// translates exceptions of libpqxx into an Error, and only main() reports one. Error codes as return values
/// were rejected: every use case runs inside a transaction that must roll back, and an exception cannot be forgotten.
namespace relay {

/// What went wrong, in classes that a caller can act on. The values are the program's exit codes: documented, and
/// never renumbered.
enum class ErrorKind {
    internal = 1,  ///< a bug, and nothing else
    usage = 2,  ///< bad flag or argument; confirmation or sink needed but not given
    not_found = 3,  ///< no such org, agent or key
    denied = 4,  ///< login refused, or no privilege (SQLSTATE 28xxx, 42501)
    conflict = 5,  ///< exists with other content; wrong state; still in use
    limit = 6,  ///< plan or quota reached
    partial = 7,  ///< a batch in which some rows failed
    unavailable = 8,  ///< database not reachable, time-out, retries used up: nothing changed, a retry is safe
    unknown = 9,  ///< connection lost during COMMIT, and the outcome cannot be found out now
    check_no = 10,  ///< a check answered no: a verification failed, a wait timed out
    schema = 11,  ///< database schema older or newer than this program, or an effect was missing when read back
    sink = 12,  ///< the secret could not be delivered: nothing changed
    declined = 13,  ///< a prompt was answered no
    untold = 14,  ///< the change is committed, but its result could not be written or read
};

/// As written in JSON errors and in the manual.
template <>
struct EnumText<ErrorKind> {
    static constexpr auto words = std::to_array<EnumWord<ErrorKind>>({{ErrorKind::internal, "internal"},
                                                                      {ErrorKind::usage, "usage"},
                                                                      {ErrorKind::not_found, "not_found"},
                                                                      {ErrorKind::denied, "denied"},
                                                                      {ErrorKind::conflict, "conflict"},
                                                                      {ErrorKind::limit, "limit"},
                                                                      {ErrorKind::partial, "partial"},
                                                                      {ErrorKind::unavailable, "unavailable"},
                                                                      {ErrorKind::unknown, "unknown"},
                                                                      {ErrorKind::check_no, "check_no"},
                                                                      {ErrorKind::schema, "schema"},
                                                                      {ErrorKind::sink, "sink"},
                                                                      {ErrorKind::declined, "declined"},
                                                                      {ErrorKind::untold, "untold"}});
};

/// Whether the database was changed when the error was raised: the one thing that a script must know.
enum class Changed { no, yes, partly, unknown };

template <>
struct EnumText<Changed> {
    static constexpr auto words = std::to_array<EnumWord<Changed>>(
        {{Changed::no, "no"}, {Changed::yes, "yes"}, {Changed::partly, "partly"}, {Changed::unknown, "unknown"}});
};

/// An id that does not exist, or that cannot be one. The text may be the id of something else, or a name.
struct Sought {
    std::string_view kind{};  ///< "agent", "org", "key", "policy change"...: what was expected; a literal
    std::string text{};
};

/// The helpful part of an error. Every text is lower case, without a full stop, and contains no secret.
struct Hint {
    std::string why{};
    Advice next{};  ///< what to do now
    std::vector<std::string> suggestions{};  ///< for "did you mean": names close to the one that was given
    /// For people, one per suggestion: its name and organization. Empty, or as many as `suggestions`.
    std::vector<std::string> suggestion_texts{};
    Changed changed = Changed::no;
    /// Statements that may be true now, for the last lines of stderr: "agent x may still be live".
    std::vector<std::string> not_confirmed{};
    std::string sqlstate{};  ///< five characters, or empty
    Sought sought{};  ///< of errors about a single id; otherwise empty
};

/// `what()` is the message: one line, lower case, no full stop, no secret.
class Error : public std::exception {
  public:
    Error(ErrorKind kind, std::string message, Hint hint = {});

    ErrorKind kind() const noexcept { return m_kind; }
    std::string const &message() const noexcept { return m_message; }
    Hint const &hint() const noexcept { return m_hint; }
    char const *what() const noexcept override { return m_message.c_str(); }

  private:
    ErrorKind m_kind;
    std::string m_message;
    Hint m_hint;
};

/// Returns the message of an error of which the reader knows what was changed, or reads it elsewhere: without "nothing was
/// changed", which could be misread.
std::string what_failed(Error const &error);

/// Thrown instead of Error when `db::interrupt()` was called (SIGINT, SIGTERM): the transaction is rolled back.
class Interrupted : public std::exception {
  public:
    char const *what() const noexcept override { return "interrupted"; }
};

}  // namespace relay
