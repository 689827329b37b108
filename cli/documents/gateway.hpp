#pragma once

#include "cli/output/document.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::cli {

Record gateway_record(Gateway const &gateway);

/// A line of the change feed, its kind included.
Record key_change_record(KeyChange const &change);

}  // namespace relay::cli
