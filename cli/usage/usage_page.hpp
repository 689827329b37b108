#pragma once

#include "relay/usage/usage.hpp"

#include <string>
#include <string_view>

namespace relay::cli::html {

/// How the page begins; a later run recognizes its own page by this.
inline constexpr std::string_view usage_page_beginning =
    "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"Usage\">\n";

/// Returns a month of one organization as one self-contained page: no script, no request, and a policy that forbids both.
/// All text from the database is escaped.
std::string usage_page(UsageOfMonth const &usage);

}  // namespace relay::cli::html
