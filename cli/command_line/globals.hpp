#pragma once

#include "cli/context.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

class OptionSet;

/// The global flags as they stand on the line, before environment and defaults.
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

/// Reads an environment variable; null if it is not set.
using Environment = std::function<char const *(char const *name)>;

/// Flag before RELAY_ADMIN_OUTPUT and RELAY_ADMIN_TIMEOUT before default. (RELAY_ADMIN_DSN is read with the connection settings.)
/// Throws Error (usage): a bad value, named with its origin; flags that exclude each other.
Globals resolve_globals(GlobalOptions const &options, Environment const &environment);

/// "table", "json", ...
std::string_view format_name(OutputFormat format);

/// `90s`, `10m`, also `500ms`; 100ms to 10m. `origin` names the text in errors: "--timeout". Throws Error (usage).
std::chrono::milliseconds parse_timeout(std::string const &origin, std::string const &text);

}  // namespace relay::cli
