#pragma once

#include "relay/model/error.hpp"

#include <string_view>

/// Errors about an answer that PostgreSQL would not give to what was asked. What sends it is another program, a proxy
/// that interferes, or a view or function that was changed. It comes before COMMIT is sent: after that, an answer of
/// another form counts as lost, and the fence settles the outcome.
namespace relay::db {

/// The answer has another form. `what` describes it: "no rows where one was expected".
Error unexpected_answer(std::string_view what);

/// The answer is longer than Watchdog allows.
Error endless_answer();

}  // namespace relay::db
