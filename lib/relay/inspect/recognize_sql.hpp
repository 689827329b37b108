#pragma once

#include "relay/db/transaction.hpp"
#include "relay/inspect/recognize.hpp"

namespace relay::sql {

/// See relay::recognize. Names are compared without regard to case.
std::vector<Recognized> recognize(db::Transaction &transaction, std::string const &id, std::string const &name);

}  // namespace relay::sql
