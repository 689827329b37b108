#pragma once

#include "cli/context.hpp"
#include "cli/sink/options.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/identity/records.hpp"

#include <optional>
#include <string>

/// What commands do before and after a delivery to a store.
namespace relay::cli {

/// Returns what the store shows now, by the command of --read-back. None if the flag is not given, or if the command did not
/// show it (a warning says why). Runs on a dry run, too, because a look changes nothing.
std::optional<StoreView> look_into_store(Context &context, SinkOptions const &options, AgentId const &agent);

/// Runs the command of --after, if `confirmed` is an active key. Returns the warning if it failed; the delivery is
/// confirmed anyway.
std::optional<std::string> after_delivery(Context &context, SinkOptions const &options,
                                          std::optional<Key> const &confirmed);

/// The same for one of many agents, whose key is active.
std::optional<std::string> after_delivery_to(SinkOptions const &options, AgentId const &agent, OrgId const &org,
                                             KeyId const &key);

}  // namespace relay::cli
