#include "cli/documents/permissions.hpp"

#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

Record grant_record(Grant const &grant) {
    return {
        {"permission", "Permission", grant.permission},
        {"conditions", "Conditions", grant.conditions ? Value(JsonText{*grant.conditions}) : Value()},
    };
}

}  // namespace

void declare_terms(OptionSet &set, TermsOptions &options) {
    add_value(set,
              {.names = "--conditions",
               .type = "JSON",
               .description = "apply them only under these conditions: '{\"max_amount\": 10000}'"},
              options.conditions);
    add_flag(set, {.names = "--unconditional", .description = "remove their conditions"}, options.unconditional);
}

GrantTerms read_terms(TermsOptions const &options) {
    at_most_one({{"--conditions", options.conditions.has_value()}, {"--unconditional", options.unconditional}});
    if (options.conditions) {
        return {.keep = false, .conditions = Conditions::parse(*options.conditions)};
    }
    return {.keep = !options.unconditional};
}

std::vector<Permission> read_permission_words(std::vector<std::string> const &words) {
    if (words.empty()) {
        throw Error(ErrorKind::usage, "missing: PERMISSION",
                    {.next = "give one or more, such as stripe:create_payment or 'stripe:*'"});
    }
    return parse_permissions(words);
}

std::vector<Record> grant_records(std::vector<Grant> const &grants) {
    std::vector<Record> records;
    for (Grant const &grant : grants) {
        records.push_back(grant_record(grant));
        records.back().push_back({"role_id", "By role", grant.role_id});
    }
    return records;
}

std::vector<Record> role_grant_records(std::vector<Grant> const &grants) {
    std::vector<Record> records;
    std::transform(grants.begin(), grants.end(), std::back_inserter(records), grant_record);
    return records;
}

std::string describe_grants(std::vector<Grant> const &grants) {
    std::string text;
    for (std::size_t i = 0; i < grants.size();) {
        // Grants of the same permission follow each other; one without conditions makes it unconditional.
        std::string const &permission = grants[i].permission;
        bool bound = true;
        for (; i < grants.size() && grants[i].permission == permission; ++i) {
            bound = bound && grants[i].conditions.has_value();
        }
        text += (text.empty() ? "" : ", ") + permission + (bound ? " (conditions)" : "");
    }
    return text.empty() ? "none" : text;
}

bool are_more_than_names(std::vector<Grant> const &grants) {
    return std::any_of(grants.begin(), grants.end(), [](Grant const &one) { return one.conditions || one.role_id; });
}

void show_agent_permissions(Context &context, AgentPermissions const &changed, std::vector<std::string> warnings,
                            std::string_view already) {
    Document document{.kind = "AgentPermissions", .id_key = "agent_id", .warnings = std::move(warnings)};
    document.data = hide(agent_record(changed.agent), {"permissions", "created_at", "last_used_at"});
    append(document.data, {
                              unless_empty("roles", "Roles", changed.roles),
                              unless_empty("changed_permissions", "Changed", changed.changed_permissions),
                              unless_empty("changed_roles", "Changed", changed.changed_roles),
                              {"grants", "Permissions", grant_records(changed.grants)},
                          });
    stamp(document, context, changed);
    context.output().show(document);
    if (!changed.changed) {
        context.output().note("nothing changed: agent " + changed.agent.agent_id.text() + ' ' + std::string(already));
    }
}

}  // namespace relay::cli
