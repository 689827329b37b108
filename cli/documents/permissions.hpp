#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/permissions/agent_grants.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the commands around permissions read and show in the same way.
namespace relay::cli {

class OptionSet;

/// `--conditions JSON | --unconditional`, of the commands that grant.
struct TermsOptions {
    std::optional<std::string> conditions{};
    bool unconditional = false;
};
void declare_terms(OptionSet &set, TermsOptions &options);
/// Throws Error (usage): both flags, or no conditions.
GrantTerms read_terms(TermsOptions const &options);

/// Throws Error (usage): none is given, or no permission.
std::vector<Permission> read_permission_words(std::vector<std::string> const &words);

/// Permissions, their conditions and the roles that they come from: the items of a list.
std::vector<Record> grant_records(std::vector<Grant> const &grants);
/// The same without the column of roles.
std::vector<Record> role_grant_records(std::vector<Grant> const &grants);

/// Each permission once, in words: "stripe:refund", "stripe:pay (conditions)", "none".
std::string describe_grants(std::vector<Grant> const &grants);

/// True if there is more to tell of them than their names.
bool are_more_than_names(std::vector<Grant> const &grants);

/// Kind AgentPermissions, shown; with a note if nothing changed: `already` completes "nothing changed: agent payments
/// ...".
void show_agent_permissions(Context &context, AgentPermissions const &changed, std::vector<std::string> warnings,
                            std::string_view already);

}  // namespace relay::cli
