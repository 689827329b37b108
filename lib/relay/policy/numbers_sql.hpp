#pragma once

#include "relay/db/transaction.hpp"
#include "relay/policy/numbers.hpp"

namespace relay::sql {

/// Reads the numbers; those of the whole database are first.
std::vector<FleetNumbers> read_numbers(db::Transaction &transaction, NumbersRequest const &request);

}  // namespace relay::sql
