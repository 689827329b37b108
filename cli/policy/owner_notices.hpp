#pragma once

#include "relay/policy/due.hpp"

#include <functional>
#include <vector>

namespace relay::cli {

/// What an owner should know about keys that are due.
struct OwnerNotice {
    DueOwner due;
    std::vector<DueKey> keys{};  ///< the most urgent ones, at most most_keys
    ReadStamp read{};

    static constexpr std::int64_t most_keys = 1000;
    std::int64_t left_out() const { return due.keys - static_cast<std::int64_t>(keys.size()); }
};

/// Passes a notice for each owner of due keys, one after the other. No transaction is open while `use` runs, so it may
/// take its time. Only the names of owners are kept in memory. Throws as list_due_keys.
void for_each_owner(db::Database &database, DueRequest const &request,
                    std::function<void(OwnerNotice const &)> const &use);

}  // namespace relay::cli
