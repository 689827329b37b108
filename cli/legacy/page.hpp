#pragma once

#include "cli/context.hpp"
#include "relay/legacy/status.hpp"

#include <string>
#include <string_view>

namespace relay::cli::html {

/// The maximum number of agents of each activity on the page.
inline constexpr std::int64_t most_on_page = 2000;

/// How the page begins; a later run recognizes its own page by this.
inline constexpr std::string_view legacy_page_beginning =
    "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"LegacyStatus\">\n";

/// Returns `migrate-legacy status` as one self-contained page: no script, no request, and a policy that forbids both.
/// All text from the database is escaped.
std::string legacy_page(LegacyStatus const &status, Globals const &globals);

}  // namespace relay::cli::html
