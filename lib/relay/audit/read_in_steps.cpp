#include "relay/audit/read_in_steps.hpp"

#include "relay/identity/use_case.hpp"

namespace relay {

void read_once(db::Database &database, std::function<void(db::Transaction &)> const &work) {
    database.transact(reading(), work);
}

}  // namespace relay
