#pragma once

#include "relay/identity/use_case.hpp"
#include "relay/model/database_label.hpp"
#include "relay/model/ids.hpp"

#include <optional>

namespace relay {

/// The name of the database in use: for people, who must see where they are about to change something.
struct NameDatabase {
    std::optional<DatabaseName> name{};  ///< none: keep the name that it has
    std::optional<bool> production{};  ///< none: keep the mark as it is
};

struct NamedDatabase : WriteReceipt {
    DatabaseLabel label{};
    DatabaseLabel before{};
};

/// Names the database and sets its mark. Throws Error: conflict, there is no name to keep, or schema relay has
/// another comment where the name would be kept; denied, not a provisioner.
NamedDatabase name_database(db::Database &database, NameDatabase const &request, WriteOptions const &options);

/// Reads the name, with any schema or none. The receipt has `changed` false.
NamedDatabase read_database_name(db::Database &database);

}  // namespace relay
