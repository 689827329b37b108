#include "fixture.hpp"
#include "relay/schema/schema_sql.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::test;

namespace {

SchemaStatus status(ScratchDatabase const &scratch) {
    db::Database database(scratch.settings());
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    SchemaStatus found;
    database.transact(options, [&](db::Transaction &transaction) { found = sql::read_schema_status(transaction); });
    return found;
}

std::string denied_to(Relay const &relay, std::string const &role, std::string const &sql) {
    try {
        relay.scratch.query("SET ROLE " + role + "; " + sql);
    } catch (pqxx::insufficient_privilege const &) {
        return "42501";  // libpqxx 6 knows the class, and forgets the code
    }
    return "allowed";
}

}  // namespace

TEST_CASE("absent, current, behind, ahead, edited and incomplete are distinguished") {
    ScratchDatabase scratch;
    CHECK(status(scratch).state == SchemaState::absent);
    db::Database database(scratch.settings());
    migrate_schema(database, false);
    CHECK(status(scratch).state == SchemaState::current);
    scratch.query("UPDATE relay.schema_migrations SET checksum = 'other' WHERE version = 3");
    CHECK(status(scratch).state == SchemaState::edited);
    scratch.query("DELETE FROM relay.schema_migrations WHERE version = 3");
    CHECK(status(scratch).state == SchemaState::incomplete);
    scratch.query("DELETE FROM relay.schema_migrations WHERE version > 2");
    CHECK(status(scratch).state == SchemaState::behind);
    scratch.query("DELETE FROM relay.schema_migrations");
    CHECK(status(scratch).state == SchemaState::incomplete);
}

TEST_CASE("a migrated database of a newer program is ahead, and refused with exit code 11's error") {
    Relay relay;
    relay.scratch.query("INSERT INTO relay.schema_migrations (version, name, checksum) VALUES (9999, 'future', 'x')");
    CHECK(status(relay.scratch).state == SchemaState::ahead);
    CHECK(error_of([&] { relay.agent("bot"); }).kind() == ErrorKind::schema);
}

TEST_CASE("a dry run of apply leaves the database as it was") {
    ScratchDatabase scratch;
    db::Database database(scratch.settings());
    CHECK(migrate_schema(database, true).applied.size() == db::migrations().size());
    CHECK(status(scratch).state == SchemaState::absent);
}

TEST_CASE("verify finds nothing in a fresh schema, and each kind of change") {
    Relay relay;
    auto const differences = [&] {
        db::TransactOptions options;
        options.read_only = true;
        std::vector<SchemaDifference> found;
        relay.database.transact(options,
                                [&](db::Transaction &transaction) { found = sql::verify_schema(transaction); });
        return found;
    };
    CHECK(differences().empty());
    for (char const *const change :
         {"ALTER TABLE relay.agents DROP CONSTRAINT agents_name_form", "ALTER TABLE relay.agents ADD COLUMN extra text",
          "GRANT SELECT ON relay.agents TO relay_gateway", "REVOKE SELECT ON relay.agents FROM relay_auditor",
          "GRANT EXECUTE ON FUNCTION relay.verify_key(text, bytea, text) TO PUBLIC",
          "DROP INDEX relay.agent_keys_one_active", "ALTER TABLE relay.auth_events DISABLE TRIGGER append_only",
          "ALTER FUNCTION relay.verify_key(text, bytea, text) RESET search_path"}) {
        CAPTURE(std::string(change));
        std::size_t const before = differences().size();
        relay.scratch.query(change);
        CHECK(differences().size() > before);
    }
}

TEST_CASE("auth_events cannot be changed by any role of ours, nor by its owner") {
    Relay relay;
    for (char const *const role : {"relay_owner", "relay_provisioner", "relay_responder", "relay_auditor"}) {
        CAPTURE(std::string(role));
        CHECK(denied_to(relay, role, "UPDATE relay.auth_events SET actor = 'nobody'") == "42501");
        CHECK(denied_to(relay, role, "DELETE FROM relay.auth_events") == "42501");
        CHECK(denied_to(relay, role, "TRUNCATE relay.auth_events") == "42501");
        CHECK(denied_to(relay, role, "TRUNCATE relay.auth_events_default") == "42501");
    }
    CHECK_THROWS_AS(relay.scratch.query("DELETE FROM relay.auth_events"),
                    pqxx::sql_error);  // a superuser meets the trigger
}

TEST_CASE("no role of ours may choose what proves something") {
    Relay relay;
    relay.agent("bot");
    CHECK(denied_to(relay, "relay_provisioner",
                    "INSERT INTO relay.auth_events (action, db_role) VALUES ('x', 'somebody')") == "42501");
    CHECK(denied_to(relay, "relay_provisioner",
                    "INSERT INTO relay.auth_events (action, occurred_at) VALUES ('x', now())") == "42501");
    CHECK(denied_to(relay, "relay_responder",
                    "INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor, at) "
                    "VALUES ('agent', 'bot', 'revoke', 'x', 'epoch')") == "42501");
    CHECK(denied_to(relay, "relay_provisioner", "UPDATE relay.agent_keys SET created_at = now()") == "42501");
    CHECK(denied_to(relay, "relay_provisioner", "UPDATE relay.agent_keys SET key_hash = sha256('x')") == "42501");
    CHECK(denied_to(relay, "relay_provisioner", "SELECT key_hash FROM relay.agent_keys") == "42501");
    CHECK(denied_to(relay, "relay_responder", "UPDATE relay.revocations SET until = now()") == "42501");
}

TEST_CASE("the database itself keeps the invariants of keys") {
    Relay relay;
    relay.agent("bot");
    auto const refused = [&](std::string const &sql) {
        try {
            relay.scratch.query(sql);
        } catch (pqxx::sql_error const &error) {
            return error.sqlstate().starts_with("23");
        }
        return false;
    };
    std::string const insert =
        "INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, due_at, created_by) VALUES ";
    CHECK(refused(insert + "('000000000000', 'bot', 'acme', sha256('x'), now(), 'x')"));  // a second active key
    CHECK(refused(insert + "('00000000000l', 'bot', 'acme', sha256('x'), now(), 'x')"));  // not of the alphabet
    CHECK(refused("UPDATE relay.agent_keys SET key_hash = 'short'"));
    CHECK(refused("UPDATE relay.agent_keys SET state = 'retiring'"));  // without an end and a replacement
    CHECK(refused("UPDATE relay.agent_keys SET org_id = 'other'"));
    CHECK(refused("UPDATE relay.agents SET name = E'line\\nbreak'"));
    CHECK(refused("UPDATE relay.agents SET name = U&'\\202Eevil'"));
    CHECK(refused("UPDATE relay.agents SET permissions = '[\"no colon\"]'"));
    CHECK(refused("UPDATE relay.organizations SET org_id = 'Acme'"));
    CHECK(refused("UPDATE relay.organizations SET name = ''"));
}
