#pragma once

#include "relay/model/advice.hpp"
#include "relay/model/text_of.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What `doctor` finds: one line a check.
namespace relay {

enum class CheckStatus {
    ok,
    warn,  ///< works, and is weaker than it should be, or soon will not work
    error,  ///< does not work, or a promise does not hold
    skipped,  ///< cannot be judged
};

template <>
struct EnumText<CheckStatus> {
    static constexpr auto words = std::to_array<EnumWord<CheckStatus>>({{CheckStatus::ok, "ok"},
                                                                        {CheckStatus::warn, "warn"},
                                                                        {CheckStatus::error, "error"},
                                                                        {CheckStatus::skipped, "skipped"}});
};

struct CheckResult {
    std::string check{};  ///< its id, an interface: "db.tls"
    CheckStatus status = CheckStatus::ok;
    std::string
        message{};  ///< one sentence, lower case, no full stop, no secret; what comes from the server is not escaped
    Advice next{};  ///< what to do now
};

/// What the file of a relay's settings says of the shared secret; of values there is nothing else in here.
struct RelaySettings {
    enum class Switch { absent, on, off, unclear };

    std::string name{};  ///< of the file, for people
    Switch fallback = Switch::absent;  ///< ALLOW_LEGACY_GLOBAL_AGENT_SECRET
    bool has_secret = false;  ///< AGENT_SECRET is set, and not to nothing
    std::size_t settings = 0;  ///< how many assignments there are
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

/// What a check can use besides the database: the settings of the connection, and files of this machine.
struct Surroundings {
    std::string sslmode{};
    std::string sslmode_origin{};  ///< who said so: "PGSSLMODE", "relay-admin"
    std::string
        password_origin{};  ///< where the password came from; empty: there is none but what stands in the passfile
    std::optional<SecretFile> passfile{};
    std::optional<SecretFile> service_file{};  ///< only if the password comes from it
    std::optional<RelaySettings> relay{};  ///< only if it was named
};

}  // namespace relay
