#include "relay/schema/repair_plan.hpp"

#include <doctest/doctest.h>

using namespace relay;

namespace {

std::vector<std::string> const catalog{
    "column relay.agents.name text not null",
    "function relay.f(a text, b numeric) returns void v set nothing in sql body 0 owner relay_owner",
    "grant select on relation relay.agents to relay_auditor",
    "schema relay owner relay_owner",
    "table relay.agents row level security owner relay_owner",
    "view relay.v owner relay_owner",
    "view text relay.v 1",
};

std::vector<std::string> planned(RepairKind kind, std::vector<SchemaDifference> const &differences) {
    std::vector<std::string> statements;
    for (SchemaRepair const &repair : plan_repair(kind, differences, catalog)) {
        CHECK(repair.kind == kind);
        statements.push_back(repair.statement);
    }
    return statements;
}

SchemaDifference missing(char const *line) { return {.missing = true, .line = line}; }
SchemaDifference unexpected(char const *line) { return {.missing = false, .line = line}; }

using Statements = std::vector<std::string>;

}  // namespace

TEST_SUITE("repair_plan") {
    TEST_CASE("an owner is put right where nothing else differs, the schema first") {
        CHECK(planned(RepairKind::owner,
                      {missing("function relay.f(a text, b numeric) returns void v owner relay_owner prokind=p"),
                       unexpected("function relay.f(a text, b numeric) returns void v owner ana prokind=p"),
                       missing("schema relay owner relay_owner"), unexpected("schema relay owner ana"),
                       missing("table relay.agents row level security owner relay_owner"),
                       unexpected("table relay.agents owner ana")}) ==
              Statements{"ALTER SCHEMA relay OWNER TO relay_owner",
                         "ALTER FUNCTION relay.f(a text, b numeric) OWNER TO relay_owner"});
    }

    TEST_CASE("a column called owner, an owner of two words, and a fact beside the owner") {
        CHECK(planned(RepairKind::owner, {missing("function relay.f() returns TABLE(owner text) owner relay_owner"),
                                          unexpected("function relay.f() returns TABLE(owner text) owner Ana B")}) ==
              Statements{"ALTER FUNCTION relay.f() OWNER TO relay_owner"});
        CHECK(planned(RepairKind::owner, {missing("table relay.agents owner relay_owner"),
                                          unexpected("table relay.agents owner ana relpersistence=u")})
                  .empty());
    }

    TEST_CASE("a view with another text keeps its owner") {
        std::vector<SchemaDifference> differences{missing("view relay.v owner relay_owner"),
                                                  unexpected("view relay.v owner ana")};
        CHECK(planned(RepairKind::owner, differences) == Statements{"ALTER VIEW relay.v OWNER TO relay_owner"});
        differences.push_back(missing("view text relay.v 1"));
        CHECK(planned(RepairKind::owner, differences).empty());
    }

    TEST_CASE("a right is granted as the catalog has it, and taken only from PUBLIC and our groups on what is ours") {
        CHECK(planned(RepairKind::right,
                      {missing("grant select on relation relay.agents to relay_auditor"),
                       missing("grant update on column relay.agents.name to relay_responder"),
                       missing("grant usage on relation relay.seq to relay_responder"),
                       unexpected("grant execute on function relay.f(a text, b numeric) to public"),
                       unexpected("grant select on column relay.agents.name to relay_gateway with grant option"),
                       unexpected("grant select on relation relay.agents to ana"),
                       unexpected("grant select on relation relay.mine; DROP TABLE relay.agents to public")}) ==
              Statements{"REVOKE EXECUTE ON FUNCTION relay.f(a text, b numeric) FROM PUBLIC",
                         "REVOKE SELECT (name) ON TABLE relay.agents FROM relay_gateway",
                         "GRANT SELECT ON TABLE relay.agents TO relay_auditor",
                         "GRANT UPDATE (name) ON TABLE relay.agents TO relay_responder",
                         "GRANT USAGE ON SEQUENCE relay.seq TO relay_responder"});
    }

    TEST_CASE("what the owner itself may do is limited again, or given back") {
        CHECK(planned(RepairKind::right, {missing("owner's rights on relation relay.agents: insert, select")}) ==
              Statements{"REVOKE ALL ON TABLE relay.agents FROM relay_owner",
                         "GRANT INSERT, SELECT ON TABLE relay.agents TO relay_owner"});
        CHECK(planned(RepairKind::right, {unexpected("owner's rights on relation relay.agents: none")}) ==
              Statements{"GRANT ALL ON TABLE relay.agents TO relay_owner"});
    }

    TEST_CASE("a policy comes back whole, and is not made where another of its name is") {
        char const *const line =
            "policy relay.agents staff for * to relay_auditor, relay_owner using (a = b) check true";
        CHECK(planned(RepairKind::policy, {missing(line)}) ==
              Statements{"CREATE POLICY staff ON relay.agents FOR ALL TO relay_auditor, relay_owner USING ((a = b)) "
                         "WITH CHECK (true)"});
        CHECK(planned(RepairKind::policy, {missing("policy relay.agents tenant for r to relay_tenant using true")}) ==
              Statements{"CREATE POLICY tenant ON relay.agents FOR SELECT TO relay_tenant USING (true)"});
        CHECK(planned(RepairKind::policy,
                      {missing("policy relay.agents narrowed restrictive for r to relay_tenant using true")}) ==
              Statements{
                  "CREATE POLICY narrowed ON relay.agents AS RESTRICTIVE FOR SELECT TO relay_tenant USING (true)"});
        CHECK(planned(RepairKind::policy,
                      {missing(line), unexpected("policy relay.agents staff for r to public using true")})
                  .empty());
    }

    TEST_CASE("a group is made if the server has none of its name, whatever that may do") {
        CHECK(planned(RepairKind::role, {missing("role relay_owner")}) ==
              Statements{"CREATE ROLE relay_owner NOLOGIN"});
        CHECK(planned(RepairKind::role, {missing("role relay_owner"), unexpected("role relay_owner rolsuper=true")})
                  .empty());
    }
}
