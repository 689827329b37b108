#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "relay/permissions/agent_grants.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the commands for permissions have in common: flags, and how they show the result.
namespace relay::cli {

class OptionSet;

/// `--conditions JSON | --unconditional`, for the commands that grant.
struct TermsOptions {
    std::optional<std::string> conditions{};
    bool unconditional = false;
};
void declare_terms(OptionSet &set, TermsOptions &options);
/// Reads the flags. Throws Error (usage) for both flags, or for text that is not conditions.
GrantTerms read_terms(TermsOptions const &options);

/// Parses the words. Throws Error (usage) if there are none, or if one is not a permission.
std::vector<Permission> read_permission_words(std::vector<std::string> const &words);

/// Returns permissions, their conditions and the roles they come from, as the items of a list.
std::vector<Record> grant_records(std::vector<Grant> const &grants);
/// Returns the same without the column of roles.
std::vector<Record> role_grant_records(std::vector<Grant> const &grants);

/// Returns each permission once, in words: "stripe:refund", "stripe:pay (conditions)", "none".
std::string describe_grants(std::vector<Grant> const &grants);

/// Returns whether the list has more to show than names.
bool are_more_than_names(std::vector<Grant> const &grants);

/// Shows the document of kind AgentPermissions, and a note if nothing changed: `already` completes
/// "nothing changed: agent payments ...".
void show_agent_permissions(Context &context, AgentPermissions const &changed, std::vector<std::string> warnings,
                            std::string_view already);

}  // namespace relay::cli
