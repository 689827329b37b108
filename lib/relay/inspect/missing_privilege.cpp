#include "relay/inspect/missing_privilege.hpp"

#include "relay/inspect/membership_sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <vector>

namespace relay {
namespace {

using sql::LoginFacts;
using sql::Membership;

constexpr char const *owner_group = "relay_owner";

/// Returns who may grant a group: until PostgreSQL 15 every role that may create roles, and since 16 only those with
/// ADMIN OPTION, such as the role that made it.
std::string granters_of(LoginFacts const &facts, Membership const &group) {
    std::string const names = fmt::format("{}", fmt::join(group.granters, " or "));
    if (facts.has_grant_options) {
        return names.empty() ? "a superuser" : names;
    }
    return names.empty() ? "a role with CREATEROLE" : names + ", or a role with CREATEROLE";
}

std::optional<MissingPrivilege> lacks_groups(LoginFacts const &facts) {
    std::string statements;
    for (Membership const &group : facts.memberships) {
        statements += group.exists ? "" : fmt::format("CREATE ROLE {} NOLOGIN; ", group.group);
    }
    if (statements.empty() || facts.creates_roles) {
        return std::nullopt;
    }
    return MissingPrivilege{
        .why = fmt::format("{} may not create roles, and the groups of the schema do not exist yet", facts.role),
        .next = fmt::format("as a role with CREATEROLE, run: {}GRANT {} TO {}", statements, owner_group, facts.role)};
}

std::optional<MissingPrivilege> lacks_ownership(LoginFacts const &facts, Membership const &owner) {
    if (!owner.exists || owner.may_act_as) {
        return std::nullopt;
    }
    bool const only_option = owner.is_member && facts.has_grant_options;
    return MissingPrivilege{
        .why = only_option ? fmt::format("{} is a member of {}, but without SET", facts.role, owner_group)
                           : fmt::format("{} is not a member of {}, which owns the schema", facts.role, owner_group),
        .next = fmt::format("as {}, run: GRANT {} TO {}{}", granters_of(facts, owner), owner_group, facts.role,
                            only_option ? " WITH SET TRUE" : "")};
}

std::optional<MissingPrivilege> lacks_create(LoginFacts const &facts) {
    if (facts.creates_in_database) {
        return std::nullopt;
    }
    return MissingPrivilege{.why = fmt::format("{} may not create schemas in this database", facts.role),
                            .next = fmt::format("as {}, run: GRANT CREATE ON DATABASE {} TO {}", facts.database_owner,
                                                facts.database, facts.role)};
}

std::optional<MissingPrivilege> lacks_inheritance(LoginFacts const &facts) {
    auto const &groups = facts.memberships;
    if (std::any_of(groups.begin(), groups.end(), [](Membership const &one) { return one.has_privileges; })) {
        return std::nullopt;  // it has some, and needs others
    }
    auto const found = std::find_if(groups.begin(), groups.end(),
                                    [](Membership const &one) { return one.is_member && one.group != owner_group; });
    if (found == groups.end()) {
        return std::nullopt;
    }
    std::string const why =
        fmt::format("{} is a member of {}, but does not inherit its privileges (NOINHERIT)", facts.role, found->group);
    return facts.has_grant_options
               ? MissingPrivilege{.why = why,
                                  .next = fmt::format("as {}, run: GRANT {} TO {} WITH INHERIT TRUE",
                                                      granters_of(facts, *found), found->group, facts.role)}
               : MissingPrivilege{
                     .why = why,
                     .next = fmt::format("as a role with CREATEROLE, run: ALTER ROLE {} INHERIT", facts.role)};
}

std::optional<MissingPrivilege> lacks_membership(LoginFacts const &facts) {
    auto const &groups = facts.memberships;
    auto const provisioner = std::find_if(groups.begin(), groups.end(),
                                          [](Membership const &one) { return one.group == "relay_provisioner"; });
    if (!provisioner->exists ||
        std::any_of(groups.begin(), groups.end(), [](auto const &one) { return one.is_member; })) {
        return std::nullopt;
    }
    return MissingPrivilege{
        .why = fmt::format("{} is in none of the groups of the schema: relay_provisioner may do everything, "
                           "relay_responder block and revoke, relay_auditor read",
                           facts.role),
        .next = fmt::format("as {}, run: GRANT relay_provisioner TO {}", granters_of(facts, *provisioner), facts.role)};
}

}  // namespace

std::optional<MissingPrivilege> find_missing_privilege(db::Settings const &settings, Wanted wanted) {
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    LoginFacts const facts = db::Database(settings).transact(options, sql::read_login_facts);
    if (wanted == Wanted::work) {
        auto const found = lacks_inheritance(facts);
        return found ? found : lacks_membership(facts);
    }
    if (auto const found = lacks_groups(facts)) {
        return found;
    }
    if (auto const found = lacks_ownership(facts, facts.memberships.front())) {
        return found;
    }
    return lacks_create(facts);
}

}  // namespace relay
