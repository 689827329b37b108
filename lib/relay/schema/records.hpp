#pragma once

#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The database schema: numbered migrations, embedded in the program.
///
/// A migration goes only forward. Each is applied in one transaction, and recorded in relay.schema_migrations with
/// the checksum of its file. So a database itself says which version it has, whether a step is missing, and
/// whether it was made from the same text as this program's; there is no need to guess from the tables. Whether
/// someone changed the tables by hand afterwards is a separate question: verify_schema compares the catalog.
namespace relay {

/// Whether a database's schema fits this program.
enum class SchemaState {
    absent,  ///< no relay schema at all
    current,
    behind,  ///< migrations are missing at the end: `schema apply`
    ahead,  ///< migrated by a newer program
    edited,  ///< a recorded migration has a different checksum than this program's
    convertible,  ///< made by the last program before release 0.1.0: `schema apply` converts it
    incomplete,  ///< the record has a gap, or schema `relay` exists without a record: not made by `schema apply`
};

template <>
struct EnumText<SchemaState> {
    static constexpr auto words = std::to_array<EnumWord<SchemaState>>({{SchemaState::absent, "absent"},
                                                                        {SchemaState::current, "current"},
                                                                        {SchemaState::behind, "behind"},
                                                                        {SchemaState::ahead, "ahead"},
                                                                        {SchemaState::edited, "edited"},
                                                                        {SchemaState::convertible, "convertible"},
                                                                        {SchemaState::incomplete, "incomplete"}});
};

struct AppliedMigration {
    int version = 0;
    std::string name{};
    std::string checksum{};
    Instant applied_at{};
    std::string applied_by{};
};

struct SchemaStatus {
    SchemaState state = SchemaState::absent;
    int version = 0;  ///< the highest version that is applied; 0: none
    std::vector<AppliedMigration> applied{};
    std::vector<int> edited{};  ///< versions whose checksum is not this program's
    std::vector<int> missing{};  ///< this program's versions that are not applied
};

/// One line of the catalog that the database lacks, or has but should not have.
struct SchemaDifference {
    bool missing = false;  ///< false: unexpected
    std::string line{};  ///< "column relay.agents.name text not null"
};

}  // namespace relay
