#pragma once

#include "relay/db/transaction.hpp"
#include "relay/inspect/recognize.hpp"

namespace relay::sql {

/// See relay::recognize. Names are compared without regard to case. At most `most_names` of each kind have it, 101 at most.
std::vector<Recognized> recognize(db::Transaction &transaction, std::string const &id, std::string const &name,
                                  int most_names);

}  // namespace relay::sql
