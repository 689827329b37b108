#pragma once

#include "relay/db/database.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/text_of.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay {

/// The outcome of an operation.
enum class Verdict {
    done,  ///< its transaction is committed
    aborted,  ///< its transaction can never commit any more
    elsewhere,  ///< it was made for another database, which must be asked (only for content that names its database)
};

template <>
struct EnumText<Verdict> {
    static constexpr auto words = std::to_array<EnumWord<Verdict>>(
        {{Verdict::done, "done"}, {Verdict::aborted, "aborted"}, {Verdict::elsewhere, "elsewhere"}});
};

/// Settles an operation by the fence (relay/db/fence.hpp): inserts its id as aborted, or finds that it is done. Waits
/// up to 30 s for an operation in flight. Throws Error: unknown, it is still in flight, or the database cannot be
/// reached.
Verdict settle_operation(db::Database &database, OperationId const &operation);

/// The same for an id that a person gives. Also throws Error (schema) if the database has no relay schema: it may be
/// the wrong database, so "aborted" would prove nothing.
Verdict settle_named_operation(db::Database &database, OperationId const &operation);

/// Settles the content of a file that a killed run left behind (FILE.new).
///
/// Returns done if the database knows a key in it, or if the operation with the id of this content (operation_id_for)
/// is done. Returns elsewhere, and bars nothing, if the content was made for the database `made_for`
/// (NewKey::database_id) and this is another one. Throws as settle_operation.
Verdict settle_content(db::Database &database, std::string_view content, std::optional<std::string> const &made_for);

}  // namespace relay
