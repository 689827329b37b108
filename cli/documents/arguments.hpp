#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/records.hpp"
#include "relay/provision/inspect.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

/// What several commands read from their command line in the same way.
namespace relay::cli {

/// Throws Error (usage).
std::vector<Permission> parse_permissions(std::vector<std::string> const &texts);

/// "free" or "paid", as add_choice has checked it.
Plan parse_plan(std::string const &text);

/// Adds `--key-max-age`.
void add_key_max_age(CLI::App &app, std::optional<std::chrono::seconds> &target);
/// Throws Error (usage) for a duration of 0.
void require_some_time(std::string const &flag, std::optional<std::chrono::seconds> const &duration);

/// `--limit N | --all` and `--after CURSOR`, of every list.
struct PageOptions {
    std::optional<std::int64_t> limit{};
    bool all = false;
    std::optional<std::string> after{};
};
void declare_page(CLI::App &app, PageOptions &options);
/// Throws Error (usage) for --limit with --all.
PageRequest page_request(PageOptions const &options);

}  // namespace relay::cli
