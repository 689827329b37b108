#pragma once

#include "relay/db/database.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay {

/// What became of an operation: its transaction is committed, or can never commit any more.
enum class Verdict {
    done,
    aborted,
    elsewhere,  ///< nobody can tell here: it was another database's (only for content that names its database)
};

template <>
struct EnumText<Verdict> {
    static constexpr auto words = std::to_array<EnumWord<Verdict>>(
        {{Verdict::done, "done"}, {Verdict::aborted, "aborted"}, {Verdict::elsewhere, "elsewhere"}});
};

/// Settles an operation by the fence: inserts its id as aborted, or finds it done. Waits at most 30 s for one that is in flight.
/// Throws Error: unknown, it is still in flight or the database cannot be reached.
Verdict settle_operation(db::Database &database, OperationId const &operation);

/// The same for an id that a person names. Throws moreover Error (schema): there is no relay schema, which proves nothing, since it may be
/// another database.
Verdict settle_named_operation(db::Database &database, OperationId const &operation);

/// Settles the bytes that a killed run left behind (FILE.new): done, if a key in them is known to the database or the operation
/// named after them (operation_id_for) is done. If they were made for the database `made_for` (NewKey::database_id) and this is another one,
/// then nothing is asked about, and nothing barred: elsewhere. Throws as settle_operation.
Verdict settle_content(db::Database &database, std::string_view content, std::optional<std::string> const &made_for);

}  // namespace relay
