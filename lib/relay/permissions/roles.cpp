#include "relay/permissions/roles.hpp"

#include "relay/identity/agent_permissions_sql.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/organizations_sql.hpp"
#include "relay/identity/permission_events.hpp"
#include "relay/identity/read_list.hpp"
#include "relay/model/format_text.hpp"
#include "relay/permissions/roles_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace relay {
namespace {

constexpr int most_agents_shown = 100;

Holder holder_of(OrgId const &org, RoleId const &id) { return {.org_id = org, .role_id = id}; }

/// Compares only what the request names.
void compare(Role const &role, std::vector<Grant> const &grants, CreateRole const &request) {
    std::vector<std::string> fields;
    if (role.name != request.name.text()) {
        fields.emplace_back("name");
    }
    if (!request.permissions.empty()) {
        if (role.permissions != permission_texts(request.permissions)) {
            fields.emplace_back("permissions");
        } else if (std::any_of(grants.begin(), grants.end(), [](Grant const &one) { return one.conditions; })) {
            fields.emplace_back("conditions");
        }
    }
    if (!fields.empty()) {
        throw Error(ErrorKind::conflict,
                    fmt::format("role {} of org {} exists with different {}; nothing was changed", role.role_id,
                                role.org_id, fmt::join(fields, ", ")),
                    {.next = advise(Act::show_role, role.org_id, role.role_id)
                                 .also(advise(Act::update_role, role.org_id, role.role_id))});
    }
}

/// Locks a role. Throws Error (not_found) for the organization if that is missing, otherwise for the role.
Role lock(db::Transaction &transaction, OrgId const &org, RoleId const &id) {
    if (auto role = sql::lock_role(transaction, org, id)) {
        return *std::move(role);
    }
    sql::get_org(transaction, org);
    throw sql::no_such_role(transaction, org, id);
}

void read_again(db::Transaction &transaction, ChangedRole &result) {
    OrgId const org = result.role.org_id;
    RoleId const id = result.role.role_id;
    result.role = sql::get_role(transaction, org, id);
    result.grants = sql::grants_of_role(transaction, org, id);
}

using RoleChange = std::function<std::vector<sql::NewEvent>(db::Transaction &, ChangedRole &)>;

/// Whether the role now is as was asked.
using IsRoleDone = std::function<bool(db::Transaction &, ChangedRole const &)>;

ChangedRole change(db::Database &database, OrgId const &org, RoleId const &id, WriteOptions const &options,
                   RoleChange const &work, IsRoleDone const &is_done) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        ChangedRole result{{}, lock(transaction, org, id)};
        std::vector<sql::NewEvent> const events = work(transaction, result);
        read_again(transaction, result);
        transaction.confirm(is_done(transaction, result), "the change of role " + id.text());
        finish(transaction, result, options.by, events);
        transaction.expect_announcement();
        return result;
    });
}

void refuse_in_use(Role const &role) {
    throw Error(ErrorKind::conflict,
                fmt::format("{} agent{} of org {} {} role {}; nothing was changed", role.agents,
                            role.agents == 1 ? "" : "s", role.org_id, role.agents == 1 ? "has" : "have", role.role_id),
                {.next = advise(Act::list_agents_of_role, role.org_id, role.role_id)
                             .also(advise(Act::delete_role_of_agents, role.org_id, role.role_id))
                             .noting("takes it from all of them")});
}

std::vector<sql::NewEvent> deletion_events(Role const &role, std::vector<AgentId> const &agents) {
    std::vector<sql::NewEvent> events;
    for (AgentId const &agent : agents) {
        events.push_back(
            role_event("role_unassigned", {.org_id = role.org_id, .agent_id = agent, .role_id = role.role_id}));
    }
    events.push_back(role_event("role_deleted", {.org_id = role.org_id, .role_id = role.role_id}));
    return events;
}

sql::RolePlace parse_cursor(std::string const &cursor) {
    std::size_t const slash = cursor.find('/');
    if (slash == cursor.npos) {
        throw Error(ErrorKind::usage, "--after is not the cursor of a list of roles",
                    {.next = "give the \"next\" of the previous list, which is ORG/ROLE"});
    }
    return {.org_id = OrgId::parse(cursor.substr(0, slash)), .role_id = RoleId::parse(cursor.substr(slash + 1))};
}

}  // namespace

ChangedRole create_role(db::Database &database, CreateRole const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        sql::get_org(transaction, request.org);
        bool const made = sql::insert_role(transaction, request.org, request.id, request.name, options.by.actor);
        auto const role = sql::lock_role(transaction, request.org, request.id);
        transaction.require(role.has_value(), "role " + request.id.text());
        ChangedRole result{{}, *role};
        std::vector<sql::NewEvent> events;
        if (made) {
            Holder const holder = holder_of(request.org, request.id);
            result.changed_permissions =
                sql::grant(transaction, request.org, request.id, request.permissions, GrantTerms());
            events.push_back(role_event("role_created", holder));
            auto granted = granted_events(holder, result.changed_permissions);
            std::move(granted.begin(), granted.end(), std::back_inserter(events));
        } else {
            compare(result.role, sql::grants_of_role(transaction, request.org, request.id), request);
        }
        read_again(transaction, result);
        transaction.confirm(result.role.name == request.name.text() &&
                                sql::has_all(transaction, result.grants, request.permissions, GrantTerms()),
                            "role " + request.id.text());
        finish(transaction, result, options.by, events);
        if (!result.changed_permissions.empty()) {
            transaction.expect_announcement();
        }
        return result;
    });
}

ChangedRole grant_to_role(db::Database &database, GrantToRole const &request, WriteOptions const &options) {
    return change(
        database, request.org, request.id, options,
        [&](db::Transaction &transaction, ChangedRole &result) {
            result.changed_permissions =
                sql::grant(transaction, request.org, request.id, request.permissions, request.terms);
            return granted_events(holder_of(request.org, request.id), result.changed_permissions, request.terms);
        },
        [&](db::Transaction &transaction, ChangedRole const &result) {
            return sql::has_all(transaction, result.grants, request.permissions, request.terms);
        });
}

ChangedRole revoke_from_role(db::Database &database, RevokeFromRole const &request, WriteOptions const &options) {
    return change(
        database, request.org, request.id, options,
        [&](db::Transaction &transaction, ChangedRole &result) {
            result.changed_permissions = sql::revoke(transaction, request.org, request.id, request.permissions);
            return revoked_events(holder_of(request.org, request.id), result.changed_permissions);
        },
        [&](db::Transaction &, ChangedRole const &result) {
            return sql::has_none(result.grants, request.permissions);
        });
}

DeletedRole delete_role(db::Database &database, DeleteRole const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        auto const role = sql::lock_role(transaction, request.org, request.id);
        DeletedRole result{receipt_of(transaction, role.has_value()),
                           role.value_or(Role{.org_id = request.org, .role_id = request.id})};
        if (!role) {
            sql::get_org(transaction, request.org);
            result.suggestions = sql::no_such_role(transaction, request.org, request.id).hint().suggestions;
            transaction.nothing_to_do();
            return result;
        }
        if (role->agents > 0 && !request.force) {
            refuse_in_use(*role);
        }
        result.agents = sql::unassign_all(transaction, request.org, request.id);
        sql::delete_role(transaction, request.org, request.id);
        transaction.confirm(!sql::find_role(transaction, request.org, request.id) &&
                                sql::agents_of_role(transaction, request.org, request.id, 1).empty(),
                            "the end of role " + request.id.text());
        sql::record_events(transaction, options.by, deletion_events(*role, result.agents));
        if (!role->permissions.empty() || !result.agents.empty()) {
            transaction.expect_announcement();
        }
        return result;
    });
}

std::vector<std::string> role_sort_fields() { return sql::role_sort_fields(); }

ListEnd list_roles(db::Database &database, ListRoles const &request, EachItem<Role> const &each) {
    auto const after = request.page.after ? std::optional(parse_cursor(*request.page.after)) : std::nullopt;
    auto const open = [&](db::Transaction &transaction) {
        if (request.org) {
            sql::get_org(transaction, *request.org);
        }
        return sql::list_roles(
            transaction,
            {.org = request.org, .after = after, .sort = request.page.sort, .limit = request.page.one_more()});
    };
    auto const cursor_of = [](Role const &role) { return role.org_id.text() + '/' + role.role_id.text(); };
    return read_list(database, request.page, open, cursor_of, each);
}

RoleDetails show_role(db::Database &database, OrgId const &org, RoleId const &id) {
    return database.transact(reading(), [&](db::Transaction &transaction) {
        sql::get_org(transaction, org);
        RoleDetails result{.role = sql::get_role(transaction, org, id)};
        result.grants = sql::grants_of_role(transaction, org, id);
        result.agents = sql::agents_of_role(transaction, org, id, most_agents_shown);
        result.at = transaction.now();
        result.db_role = transaction.db_role();
        return result;
    });
}

}  // namespace relay
