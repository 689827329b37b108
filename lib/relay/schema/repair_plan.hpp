#pragma once

#include "relay/model/text_of.hpp"
#include "relay/schema/records.hpp"

#include <string>
#include <vector>

namespace relay {

/// What a dump without owners and rights loses.
enum class RepairKind {
    role,  ///< a group of ours that this server does not have
    owner,
    right,  ///< granted, or taken from PUBLIC or from a group of ours
    policy,  ///< PostgreSQL cannot restore a policy while the groups that it names do not exist
};

template <>
struct EnumText<RepairKind> {
    static constexpr auto words = std::to_array<EnumWord<RepairKind>>({{RepairKind::role, "role"},
                                                                       {RepairKind::owner, "owner"},
                                                                       {RepairKind::right, "right"},
                                                                       {RepairKind::policy, "policy"}});
};

struct SchemaRepair {
    RepairKind kind{};
    std::string statement{};  ///< the SQL that makes it right: "ALTER TABLE relay.agents OWNER TO relay_owner"
};

/// Returns the statements of one kind that bring a database nearer to `catalog`. They are made of the lines of the
/// catalog: from the database come only names that the catalog has, too. What was not lost in a restore remains: rights of other
/// roles, unexpected objects, and the owner of an object that differs in more than its owner. A changed function
/// must not get the privileges of relay_owner.
std::vector<SchemaRepair> plan_repair(RepairKind kind, std::vector<SchemaDifference> const &differences,
                                      std::vector<std::string> const &catalog);

/// Returns true if some kind of repair has statements for these differences.
bool is_repairable(std::vector<SchemaDifference> const &differences, std::vector<std::string> const &catalog);

}  // namespace relay
