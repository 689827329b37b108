#pragma once

#include "cli/context.hpp"
#include "relay/legacy/status.hpp"

#include <string>
#include <string_view>

namespace relay::cli::html {

/// How many agents of each activity the page lists at most.
inline constexpr std::int64_t most_on_page = 2000;

/// How the page begins, by which a later run knows it for one of its own.
inline constexpr std::string_view legacy_page_beginning =
    "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"LegacyStatus\">\n";

/// `migrate-legacy status` as one page that needs nothing else: no script, no request, a policy that forbids both. All text of the database is
/// escaped.
std::string legacy_page(LegacyStatus const &status, Globals const &globals);

}  // namespace relay::cli::html
