#pragma once

#include "relay/model/text_of.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

class OptionSet;

/// When an existing FILE is refused if --replace is missing: before the database is contacted, or, in commands that may
/// find nothing to do (`--if-older-than`, an agent that exists already), only when there is a secret to write.
enum class ExistingFile { refuse_at_once, refuse_at_delivery };

/// How files are grouped into folders below --secrets-dir.
enum class GroupBy { none, org, owner };

}  // namespace relay::cli

template <>
struct relay::EnumText<relay::cli::GroupBy> {
    using GroupBy = cli::GroupBy;
    static constexpr auto words =
        std::to_array<EnumWord<GroupBy>>({{GroupBy::none, "none"}, {GroupBy::org, "org"}, {GroupBy::owner, "owner"}});
};

namespace relay::cli {

/// The flags that say where a new secret is written, and in which format: plain text from the command line, checked by
/// open_sink.
struct SinkOptions {
    std::optional<std::string> secret_file{};
    std::optional<std::string> secrets_dir{};
    std::optional<std::int64_t> secret_fd{};  ///< fits an int
    bool secret_stdout = false;
    bool terminal = false;  ///< the compact form `terminal`
    bool replace = false;
    std::optional<std::string> secret_format{};  ///< raw, env, json, k8s, sealed; none: raw
    std::optional<std::string> env_prefix{};  ///< none: RELAY_
    std::optional<std::string> k8s_name{};
    std::optional<std::string> k8s_namespace{};
    std::optional<std::string> seal_key{};  ///< a file, or `-`
    std::optional<std::string> deliver{};  ///< a command
    std::optional<std::chrono::seconds> deliver_timeout{};
    std::optional<std::chrono::seconds> settle{};
    std::optional<std::string> read_back{};  ///< a command
    std::optional<std::string> after{};  ///< a command
    std::optional<std::string> compact{};  ///< SINK of a flag such as `--admin-token SINK`; see parse_compact_sink

    /// Set by rotate-key, not by a flag: its own flags, which a repeat of a delivery must have, too.
    std::vector<std::string> repeated{};
    ExistingFile existing_file = ExistingFile::refuse_at_once;  ///< set by the command, not by a flag

    /// Returns whether any flag is given, with or without a destination.
    bool any() const {
        return asked() || replace || secret_format || env_prefix || k8s_name || k8s_namespace || seal_key ||
               deliver_timeout || settle || read_back || after;
    }
    /// Returns whether any destination is given.
    bool asked() const {
        return secret_file || secrets_dir || secret_fd || secret_stdout || terminal || deliver || compact;
    }
};

/// The flags for many secrets: those for a single one, and some that make sense only for many.
struct BatchSinkOptions {
    SinkOptions sink{};
    std::optional<std::string> group_by{};  ///< org, owner
    std::optional<std::string> seal_keys{};  ///< a file, or `-`
    std::optional<std::int64_t> deliver_jobs{};

    /// Returns the first flag that is given and makes sense only for many secrets; empty if there is none.
    std::string_view only_for_many() const {
        return group_by ? "--group-by" : seal_keys ? "--seal-keys" : deliver_jobs ? "--deliver-jobs" : "";
    }
};

/// Adds the flags of declare_sink, and --group-by, --seal-keys and --deliver-jobs.
void declare_batch_sink(OptionSet &set, BatchSinkOptions &options);

/// Adds --secret-file, --secrets-dir, --secret-fd, --secret-stdout, --replace, the flags of the format, and --deliver with
/// its flags, to a command.
void declare_sink(OptionSet &set, SinkOptions &options);

/// Adds `flag SINK` (`--admin-token SINK`), --replace and the flags of the format, for a secret that is made only if it
/// is asked for.
void declare_compact_sink(OptionSet &set, SinkOptions &options, std::string_view flag, std::string_view description);

/// Parses a destination in one word: `stdout`, `terminal`, `fd:N`, `file:PATH` (any path), or a path. Throws Error
/// (usage) for an empty text, `-`, and an fd that is not a number.
SinkOptions parse_compact_sink(std::string_view text);

}  // namespace relay::cli
