#pragma once

#include "relay/model/advice.hpp"
#include "relay/model/text_of.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// The results of `doctor`: one line per check.
namespace relay {

enum class CheckStatus {
    ok,
    warn,  ///< works, but is weaker than it should be, or will soon stop working
    error,  ///< does not work, or a promise is broken
    skipped,  ///< cannot be checked
};

template <>
struct EnumText<CheckStatus> {
    static constexpr auto words = std::to_array<EnumWord<CheckStatus>>({{CheckStatus::ok, "ok"},
                                                                        {CheckStatus::warn, "warn"},
                                                                        {CheckStatus::error, "error"},
                                                                        {CheckStatus::skipped, "skipped"}});
};

struct CheckResult {
    std::string check{};  ///< its id, which is an interface: "db.tls"
    CheckStatus status = CheckStatus::ok;
    std::string message{};  ///< one sentence, lower case, no full stop, no secret; text from the server is not escaped
    Advice next{};  ///< what to do now
};

/// What the file with a relay's settings says. No value is kept that could be a secret, only these facts.
struct RelaySettings {
    enum class Switch { absent, on, off, unclear };
    /// A setting that makes the relay stricter (relay/health/hardening.hpp).
    struct Hardening {
        Switch position = Switch::unclear;
        std::optional<std::int64_t> number{};  ///< if it is a whole number, not negative
    };

    std::string name{};  ///< the file's name, for people
    Switch fallback = Switch::absent;  ///< ALLOW_LEGACY_GLOBAL_AGENT_SECRET
    bool has_secret = false;  ///< AGENT_SECRET is set and not empty
    std::map<std::string, Hardening, std::less<>> hardening{};  ///< by variable: those that are set
    std::size_t settings = 0;  ///< number of assignments
    std::size_t unread_lines = 0;  ///< lines that are neither an assignment nor a comment
    std::size_t first_unread_line = 0;
    std::optional<unsigned> mode{};  ///< its permission bits; none: not a regular file
};

/// A file with secrets, and who may read it.
struct SecretFile {
    std::string path{};
    unsigned mode = 0;  ///< permission bits

    bool open_to_others() const { return (mode & 077U) != 0; }
};

/// What checks use besides the database: the settings of the connection, and files on this machine.
struct Surroundings {
    std::string sslmode{};
    std::string sslmode_origin{};  ///< what set it: "PGSSLMODE", "relay-admin"
    std::string password_origin{};  ///< where the password came from; empty: none, or from the passfile
    std::optional<SecretFile> passfile{};
    std::optional<SecretFile> service_file{};  ///< set only if the password comes from it
    std::optional<RelaySettings> relay{};  ///< set only if the user named the file
};

}  // namespace relay
