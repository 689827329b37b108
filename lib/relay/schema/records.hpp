#pragma once

#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The database schema as this program knows it: numbered forward migrations, embedded, each applied in one transaction and recorded with the
/// checksum of its file.
namespace relay {

/// How a database stands to this program.
enum class SchemaState {
    absent,  ///< no relay schema at all
    current,
    behind,  ///< migrations are missing at the end: `schema apply`
    ahead,  ///< migrated by a newer program
    edited,  ///< a recorded migration has another checksum than ours
    incomplete,  ///< the record has a gap, or schema `relay` exists without a record: not made by `schema apply`
};

template <>
struct EnumText<SchemaState> {
    static constexpr auto words = std::to_array<EnumWord<SchemaState>>({{SchemaState::absent, "absent"},
                                                                        {SchemaState::current, "current"},
                                                                        {SchemaState::behind, "behind"},
                                                                        {SchemaState::ahead, "ahead"},
                                                                        {SchemaState::edited, "edited"},
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
    int version = 0;  ///< the highest that is applied; 0: none
    std::vector<AppliedMigration> applied{};
    std::vector<int> edited{};  ///< versions with a foreign checksum
    std::vector<int> missing{};  ///< versions of ours that are not applied
};

/// One line of the catalog that is missing from the database, or should not be there.
struct SchemaDifference {
    bool missing = false;  ///< else unexpected
    std::string line{};  ///< "column relay.agents.name text not null"
};

}  // namespace relay
