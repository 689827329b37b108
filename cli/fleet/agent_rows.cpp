#include "cli/fleet/agent_rows.hpp"

#include "cli/input/label_list.hpp"
#include "cli/input/permission_list.hpp"
#include "relay/identity/labels.hpp"
#include "relay/model/error.hpp"
#include "relay/model/time.hpp"

namespace relay::cli {

namespace {

std::optional<std::string> text_of_column(InputRow const &row, char const *name) {
    auto const found = row.columns.find(name);
    return found == row.columns.end() ? std::nullopt : std::optional(found->second);
}

/// Sets what a row may have beside its ids and its name. Throws Error (usage).
void read_details(InputRow const &row, AgentRow &checked) {
    if (auto const text = text_of_column(row, "permissions")) {
        checked.has_permissions = true;
        for (std::string const &permission : read_permission_list(*text)) {
            checked.agent.permissions.push_back(Permission::parse(permission));
        }
    }
    if (auto const text = text_of_column(row, "owner")) {
        checked.agent.owner = OwnerName::parse(*text);
    }
    if (auto const text = text_of_column(row, "labels")) {
        std::vector<Label> labels;
        for (std::string const &label : read_label_list(*text)) {
            labels.push_back(Label::parse(label));
        }
        checked.has_labels = true;
        checked.agent.labels = label_set(std::move(labels));
    }
    if (auto const text = text_of_column(row, "key_max_age")) {
        checked.agent.key_max_age = parse_duration(*text);
        if (checked.agent.key_max_age->count() == 0) {
            throw Error(ErrorKind::usage, "its key_max_age must be more than 0");
        }
    }
}

/// Throws Error (usage).
AgentRow check(InputRow const &row, std::optional<OrgId> const &default_org) {
    if (!row.fault.empty()) {
        throw Error(ErrorKind::usage, row.fault);
    }
    if (!row.truths.empty()) {
        throw Error(ErrorKind::usage, "its " + row.truths.front() + " is true or false, not a text");
    }
    auto const id = text_of_column(row, "agent_id");
    if (!id) {
        throw Error(ErrorKind::usage, "it has no agent_id");
    }
    auto const org = text_of_column(row, "org_id");
    if (!org && !default_org) {
        throw Error(ErrorKind::usage, "it has no org_id (give one with --org ORG)");
    }
    auto const name = text_of_column(row, "name");
    AgentRow checked{.line = row.line,
                     .agent = {.id = AgentId::parse_new(*id),
                               .org = org ? OrgId::parse(*org) : *default_org,
                               .name = DisplayName::parse(name.value_or(*id))},
                     .has_name = name.has_value()};
    read_details(row, checked);
    return checked;
}

}  // namespace

std::vector<std::string> const &agent_columns() {
    static std::vector<std::string> const names{"agent_id", "org_id", "name",       "permissions",
                                                "owner",    "labels", "key_max_age"};
    return names;
}

void add_agent_row(AgentImport &import, InputRow const &row, std::optional<OrgId> const &org) {
    std::optional<AgentRow> checked;
    try {
        checked.emplace(check(row, org));
    } catch (Error const &error) {
        return import.refuse({.line = row.line,
                              .agent_id = text_of_column(row, "agent_id"),
                              .owner = text_of_column(row, "owner"),
                              .reason = error.message()});
    }
    import.add(*std::move(checked));
}

}  // namespace relay::cli
