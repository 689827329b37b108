#pragma once

#include "relay/db/rows.hpp"
#include "relay/db/transaction.hpp"
#include "relay/model/error.hpp"

#include <string_view>
#include <vector>

namespace relay::sql {

/// Returns what the statement that reads candidates for `id` compares with ids, as $1 and $2: `id` itself, for its
/// neighbours in the primary key on both sides; and an array of all texts that one slip of the finger, or another style of
/// writing (`PAY_BOT` for `pay-bot`), turns into `id`. So its cost does not depend on how many ids there are. Among some hundred
/// ids, all are neighbours; among more, a mistake near the beginning is found if it is a single one.
std::vector<db::Param> near(std::string const &id);

/// Returns the Error (not_found) for an id that does not exist.
///
/// `what` is "org", "agent", "key" or "role"; `list` is the advice to list them. `known` has candidates in the
/// columns `id` and `about` (name and organization, for people). The error suggests at most 3: those that begin with
/// `id`, and those that a typing mistake could have turned into it.
Error no_such(std::string_view what, std::string const &id, db::Rows const &known, Advice list);

}  // namespace relay::sql
