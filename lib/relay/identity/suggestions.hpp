#pragma once

#include "relay/db/rows.hpp"
#include "relay/model/error.hpp"

#include <string_view>

namespace relay::sql {

/// For the statement that reads candidates: the beginning that they share with `id`, its first half. An index finds those at once, however
/// many ids there are; a mistake in the first half is found among the ids that were made last.
std::string shared_beginning(std::string const &id);

/// The Error (not_found) for an id that is in no table: `what` is "org", "agent", "key" or "role", `list` lists them. `known` holds candidates in columns `id` and
/// `about` (name and organization, for people): those that begin with `id`, or are a slip away from it, are suggested, at most 3.
Error no_such(std::string_view what, std::string const &id, db::Rows const &known, Advice list);

}  // namespace relay::sql
