#pragma once

#include "cli/context.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

class OptionSet;

/// The global flags as given on the command line, before environment and defaults apply.
struct GlobalOptions {
    std::optional<std::string> dsn{};
    std::optional<std::string> dsn_file{};
    std::optional<std::string> service{};
    bool sandbox = false;
    std::optional<std::string> output{};
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::optional<std::string> color{};
    bool no_pager = false;
    std::optional<std::string> timeout{};
    bool yes = false;
    bool no_input = false;
    bool dry_run = false;
    std::optional<std::string> reason{};
    std::optional<std::string> ticket{};
    std::optional<std::string> actor{};
    bool help = false;
    bool version = false;
};

/// Adds the global flags.
void declare_globals(OptionSet &set, GlobalOptions &options);

/// Returns the value of an environment variable, or null if it is not set.
using Environment = std::function<char const *(char const *name)>;

/// Applies environment and defaults: a flag overrides RELAY_ADMIN_OUTPUT and RELAY_ADMIN_TIMEOUT, which override the
/// default. (RELAY_ADMIN_DSN is read with the connection settings.) Throws Error (usage) for a bad value, naming its
/// origin, and for flags that cannot be used together.
Globals resolve_globals(GlobalOptions const &options, Environment const &environment);

/// "table", "json", ...
std::string_view format_name(OutputFormat format);

/// Parses a timeout from 100ms to 10m: `90s`, `10m`, `500ms`. `origin` names the text in errors: "--timeout". Throws
/// Error (usage).
std::chrono::milliseconds parse_timeout(std::string const &origin, std::string const &text);

}  // namespace relay::cli
