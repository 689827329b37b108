#pragma once

#include "relay/audit/anomalies.hpp"
#include "relay/db/transaction.hpp"

namespace relay::sql {

struct AnomaliesOfKind {
    std::vector<Anomaly> first{};  ///< at most as many as were asked for, without evidence and advice
    std::int64_t count = 0;  ///< of all
};
AnomaliesOfKind anomalies(db::Transaction &transaction, AnomalyKind kind, FindAnomalies const &request, Instant since);

}  // namespace relay::sql
