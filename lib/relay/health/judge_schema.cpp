#include "relay/health/judges.hpp"

#include "relay/model/text.hpp"
#include "relay/schema/schema_sql.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::doctor {
namespace {

/// Returns true for a grant to a role that is not one of relay's groups. The line of `schema verify` ends in `to
/// NAME`.
bool is_foreign_grant(SchemaDifference const &difference) {
    std::string_view line = difference.line;
    if (difference.missing || !line.starts_with("grant ")) {
        return false;
    }
    constexpr std::string_view option = " with grant option";
    line.remove_suffix(line.ends_with(option) ? option.size() : 0);
    std::string_view const grantee = line.substr(line.rfind(" to ") + 4);
    constexpr std::string_view groups[] = {"relay_owner",   "relay_provisioner", "relay_responder", "relay_gateway",
                                           "relay_auditor", "relay_tenant",      "relay_billing"};
    return std::find(std::begin(groups), std::end(groups), grantee) == std::end(groups);
}

/// Returns true for the one grant to a single login that schema/README.md advises: for the timer that drops old
/// months.
bool is_advised(std::string_view line) {
    return line.starts_with("grant execute on function relay.drop_event_months(");
}

}  // namespace

CheckResult judge_schema(SchemaStatus const &status, int known_version) {
    CheckResult result{.check = "schema.version"};
    if (status.state == SchemaState::current) {
        result.message = fmt::format("version {}, as this program needs", status.version);
        return result;
    }
    result.status = CheckStatus::error;
    result.next = advise(Act::apply_schema);
    if (status.state == SchemaState::absent) {
        result.message = "the database has no relay schema";
        result.next = advise(Act::initialize);
    } else if (status.state == SchemaState::behind) {
        result.message = fmt::format("version {}, but this program needs {}", status.version, known_version);
    } else {
        try {
            sql::refuse_unmigratable(status);
        } catch (Error const &error) {
            result.message = error.message();
            result.next = error.hint().next;
        }
    }
    return result;
}

CheckResult judge_drift(std::vector<SchemaDifference> const &differences, bool repairable) {
    std::vector<std::string> lines;
    for (SchemaDifference const &difference : differences) {
        if (!is_foreign_grant(difference)) {
            lines.push_back((difference.missing ? "missing: " : "unexpected: ") + difference.line);
        }
    }
    if (lines.empty()) {
        return {"schema.drift", CheckStatus::ok,
                "objects, code, privileges and groups are as the migrations made them, and nothing else is attached",
                ""};
    }
    return {"schema.drift", CheckStatus::error,
            fmt::format("{} {} from what the migrations made; first: {}", lines.size(),
                        lines.size() == 1 ? "object differs" : "objects differ", lines.front()),
            repairable ? advise(Act::verify_schema)
                             .also(advise(Act::repair_schema))
                             .noting("sets owners and rights, which a restore may have lost")
                       : advise(Act::verify_schema)};
}

CheckResult judge_foreign_grants(std::vector<SchemaDifference> const &differences) {
    std::vector<std::string> lines;
    bool for_public = false;
    for (SchemaDifference const &difference : differences) {
        if (is_foreign_grant(difference) && !is_advised(difference.line)) {
            lines.push_back(difference.line.substr(std::string_view("grant ").size()));
            for_public = for_public || difference.line.find(" to public") != std::string::npos;
        }
    }
    if (lines.empty()) {
        return {"grants.foreign", CheckStatus::ok,
                "no right in relay and relay_api is granted to PUBLIC, or to a role that is not one of our groups", ""};
    }
    return {"grants.foreign", for_public ? CheckStatus::error : CheckStatus::warn,
            fmt::format("{} granted to others than the relay_ groups: {}",
                        lines.size() == 1 ? "a right is" : "rights are", first_of(lines)),
            Advice("REVOKE them, and GRANT a relay_ group instead")
                .also(advise(Act::verify_schema))
                .noting("lists all of them")};
}

CheckResult judge_gateway_logins(std::vector<sql::GroupLogin> const &logins) {
    std::vector<std::string> gateways;
    std::vector<std::string> readers;
    for (sql::GroupLogin const &login : logins) {
        if (login.gateway) {
            gateways.push_back(login.name);
            if (login.reader) {
                readers.push_back(login.name);
            }
        }
    }
    if (gateways.empty()) {
        return {"grants.gateways", CheckStatus::warn, "no login is in relay_gateway: no gateway can check a key",
                "CREATE ROLE a_gateway LOGIN; GRANT relay_gateway TO a_gateway"};
    }
    if (!readers.empty()) {
        return {"grants.gateways", CheckStatus::warn,
                fmt::format("{} of {} gateway logins can do more than check keys: {}", readers.size(), gateways.size(),
                            first_of(readers)),
                "give each gateway its own login, a member of relay_gateway only"};
    }
    return {"grants.gateways", CheckStatus::ok,
            fmt::format("{} in relay_gateway and in no other of our groups: {}",
                        gateways.size() == 1 ? "1 login is" : fmt::format("{} logins are", gateways.size()),
                        first_of(gateways)),
            ""};
}

CheckResult judge_tenant_logins(std::vector<sql::GroupLogin> const &logins) {
    std::size_t tenants = 0;
    std::vector<std::string> unbound;
    for (sql::GroupLogin const &login : logins) {
        tenants += login.tenant ? 1 : 0;
        if (login.tenant && (login.reader || login.bypasses_row_security)) {
            unbound.push_back(login.name);
        }
    }
    if (!unbound.empty()) {
        return {"grants.tenants", CheckStatus::error,
                fmt::format("in relay_tenant, but able to see every organization: {}", first_of(unbound)),
                "ALTER ROLE ... NOBYPASSRLS, and REVOKE its other relay_ groups"};
    }
    return {"grants.tenants", CheckStatus::ok,
            tenants == 0
                ? "no login is in relay_tenant"
                : fmt::format(
                      "{} in relay_tenant, and in none of our groups that sees every organization; none has BYPASSRLS",
                      tenants == 1 ? "1 login is" : fmt::format("{} logins are", tenants)),
            ""};
}

CheckResult judge_billing_logins(std::vector<sql::GroupLogin> const &logins) {
    std::size_t billing = 0;
    std::vector<std::string> others;
    for (sql::GroupLogin const &login : logins) {
        billing += login.billing ? 1 : 0;
        if (login.billing && (login.reader || login.gateway || login.tenant)) {
            others.push_back(login.name);
        }
    }
    if (!others.empty()) {
        return {"grants.billing", CheckStatus::warn,
                fmt::format("{} of {} in relay_billing can do more than set subscriptions: {}", others.size(),
                            counted(billing, "login"), first_of(others)),
                "give the billing system its own login, a member of relay_billing only"};
    }
    return {"grants.billing", CheckStatus::ok,
            billing == 0 ? "no login is in relay_billing"
                         : fmt::format("{} in relay_billing and in no other of our groups",
                                       billing == 1 ? "1 login is" : fmt::format("{} logins are", billing)),
            ""};
}

}  // namespace relay::doctor
