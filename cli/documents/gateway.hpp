#pragma once

#include "cli/output/document.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"

namespace relay::cli {

Record gateway_record(Gateway const &gateway);

/// Returns a line of the change feed, including its kind.
Record key_change_record(KeyChange const &change);

}  // namespace relay::cli
