#pragma once

#include "relay/policy/due.hpp"

#include <vector>

namespace relay::cli {

/// What an owner should know about keys that are due.
struct OwnerNotice {
    DueOwner due{};
    std::vector<DueKey> keys{};  ///< the most urgent ones, at most most_keys
    ReadStamp read{};

    static constexpr std::int64_t most_keys = 1000;
    std::int64_t left_out() const { return due.keys - static_cast<std::int64_t>(keys.size()); }
};

/// Returns the owners of due keys, by name; without a name: agents without an owner. Throws as list_due_keys.
std::vector<std::optional<OwnerName>> owners_to_tell(db::Database &database, DueRequest const &request);

/// Returns `request` for the keys of one owner.
DueRequest of_owner(DueRequest request, std::optional<OwnerName> const &owner);

/// Reads the due keys of one owner. Its numbers are counted in the same read. Throws as list_due_keys.
OwnerNotice read_notice(db::Database &database, DueRequest const &request, std::optional<OwnerName> const &owner);

/// Returns the owner for people: the name, or "agents without an owner".
std::string name_of(std::optional<OwnerName> const &owner);

}  // namespace relay::cli
