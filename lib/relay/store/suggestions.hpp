#pragma once

#include "relay/db/rows.hpp"
#include "relay/model/error.hpp"

#include <string_view>

namespace relay::store {

/// The Error (not_found) for an id that is in no table: `what` is "org", "agent" or "key"; `known` has a column `id` to suggest close ones from.
Error no_such(std::string_view what, std::string const &id, db::Rows const &known);

}  // namespace relay::store
