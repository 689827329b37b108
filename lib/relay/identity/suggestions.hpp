#pragma once

#include "relay/db/rows.hpp"
#include "relay/model/error.hpp"

#include <string_view>

namespace relay::sql {

/// Returns the first half of `id`, for the statement that reads candidates: those that share it are found by an
/// index, however many ids there are. For a mistake in the first half, the statement also reads the newest ids.
std::string shared_beginning(std::string const &id);

/// Returns the Error (not_found) for an id that does not exist.
///
/// `what` is "org", "agent", "key" or "role"; `list` is the advice to list them. `known` has candidates in the
/// columns `id` and `about` (name and organization, for people). The error suggests at most 3: those that begin with
/// `id`, and those that a typing mistake could have turned into it.
Error no_such(std::string_view what, std::string const &id, db::Rows const &known, Advice list);

}  // namespace relay::sql
