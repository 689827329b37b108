#pragma once

#include "relay/registry/registry.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::cli::html {

/// How many agents and skills the page shows at most.
inline constexpr std::int64_t most_agents_on_page = 1000;
inline constexpr std::int64_t most_skills_on_page = 100;

/// How the page begins; a later run recognizes its own page by this.
inline constexpr std::string_view registry_page_beginning =
    "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"Registry\">\n";

struct RegistryPage {
    RegistrySummary summary{};
    std::vector<RegisteredAgent> agents{};
    bool more = false;  ///< than are on the page
    std::string which{};  ///< "org acme, skill search_kb"; empty: all
    ReadStamp read{};
};

/// Returns who runs and what they can do as one self-contained page: no script, no request, and a policy that forbids
/// both. All text from the database is escaped.
std::string registry_page(RegistryPage const &page);

}  // namespace relay::cli::html
