#pragma once

#include "relay/audit/anomalies.hpp"
#include "relay/db/transaction.hpp"

namespace relay::sql {

/// Returns the anomalies since a time, without their advice.
std::vector<Anomaly> anomalies(db::Transaction &transaction, FindAnomalies const &request, Instant since);

}  // namespace relay::sql
