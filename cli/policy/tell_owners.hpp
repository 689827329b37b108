#pragma once

#include "cli/context.hpp"
#include "relay/policy/due.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <vector>

/// `key due --html` and `--notify`: each owner of due keys gets a page, and a command is run for each.
namespace relay::cli {

struct TellOwners {
    std::optional<std::string> html{};  ///< the folder of the pages
    std::optional<std::string> notify{};  ///< the command
    std::chrono::seconds limit{60};  ///< of the command
};

/// What has become of the owners. Once a command was run, a failure of something else must say who was notified.
struct Told {
    std::vector<std::string> reached{};  ///< the command ended with 0
    std::vector<std::string> failures{};  ///< a warning for each owner whose command failed
    std::vector<std::string> left{};  ///< no command was run for them yet

    bool any() const { return !reached.empty() || !failures.empty(); }
};

/// Writes the pages and runs the commands. A command that fails is immediately a warning on stderr, so that no later failure
/// can hide it. `told` is true at every moment. With --dry-run, only says what it would do. Throws as write_own_file and
/// list_due_keys.
void tell_owners(Context &context, TellOwners const &how, DueRequest const &request, Told &told);

/// Rethrows what ended the command after commands may have run for owners: as it is if none was, otherwise as Error
/// (partial) that names who was notified and who was not, because a repeated command would notify some of them twice.
[[noreturn]] void fail_after_telling(Told const &told, std::exception_ptr failure);

}  // namespace relay::cli
