#include "fixture.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::test;

namespace {

db::TransactOptions writing() {
    db::TransactOptions options;
    options.operation = generate_operation_id();
    return options;
}

constexpr auto insert_org = "INSERT INTO relay.organizations (org_id, name, created_by) VALUES ($1, $2, 'test')";

void make_org(db::Transaction &transaction, char const *id, char const *name) {
    transaction.exec(insert_org, {id, name});
    transaction.confirm(true, "the organization");
}

}  // namespace

TEST_CASE("a transaction commits its rows and its operation together") {
    Relay relay;
    auto const options = writing();
    relay.database.transact(options, [](db::Transaction &transaction) { make_org(transaction, "beta", "Beta"); });
    CHECK(relay.scratch.query("SELECT name FROM relay.organizations WHERE org_id = 'beta'") == "Beta");
    CHECK(relay.scratch.query("SELECT state FROM relay.operations WHERE op_id = '" + options.operation->text() + "'") ==
          "done");
}

TEST_CASE("an exception in the body rolls back, and the connection still works") {
    Relay relay;
    CHECK_THROWS_AS(relay.database.transact(writing(),
                                            [](db::Transaction &transaction) {
                                                make_org(transaction, "beta", "Beta");
                                                throw std::runtime_error("changed my mind");
                                            }),
                    std::runtime_error);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations WHERE org_id = 'beta'") == "0");
    relay.database.transact(writing(), [](db::Transaction &transaction) { make_org(transaction, "beta", "Beta"); });
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations WHERE org_id = 'beta'") == "1");
}

TEST_CASE("while the server works, something else is done here") {
    Relay relay;
    // The statement ends when this lock is released, which happens while it runs: neither side can be too early.
    pqxx::connection connection(relay.scratch.dsn());
    pqxx::work holder(connection);
    holder.exec("SELECT pg_advisory_xact_lock(1)");
    bool done = false;
    relay.database.transact(writing(), [&](db::Transaction &transaction) {
        transaction.send("SELECT pg_advisory_xact_lock($1::bigint)", {"1"});
        transaction.settle_while([&] {
            done = somebody_waits(relay.scratch);
            holder.commit();
        });
        transaction.send(insert_org, {"beta", "Beta"});
        transaction.settle_while([] {});
        transaction.confirm(true, "the organization");
    });
    CHECK(done);
    CHECK(relay.scratch.query("SELECT name FROM relay.organizations WHERE org_id = 'beta'") == "Beta");
}

TEST_CASE("what fails while the server works rolls back, on whichever side") {
    Relay relay;
    CHECK_THROWS_AS(
        relay.database.transact(writing(),
                                [](db::Transaction &transaction) {
                                    transaction.send(insert_org, {"beta", "Beta"});
                                    transaction.settle_while([] { throw std::runtime_error("the disk is full"); });
                                }),
        std::runtime_error);
    bool reached = false;
    auto const error = error_of([&] {
        relay.database.transact(writing(), [&](db::Transaction &transaction) {
            transaction.send(insert_org, {"Not an id", "Beta"});
            transaction.settle_while([&] { reached = true; });
        });
    });
    CHECK(reached);
    CHECK(error.hint().sqlstate == "23514");
    relay.database.transact(writing(), [](db::Transaction &transaction) {
        CHECK(transaction.exec("SELECT count(*) AS orgs FROM relay.organizations").one().integer("orgs") == 1);
        transaction.nothing_to_do();
    });
}

TEST_CASE("statements that are sent together are answered in order, and checked before anything later is used") {
    Relay relay;
    std::string order;
    relay.database.transact(writing(), [&](db::Transaction &transaction) {
        auto const before = transaction.ask("SELECT count(*) AS n FROM relay.organizations", {},
                                            [](db::Rows const &rows) { return rows.one().integer("n"); });
        transaction.send(insert_org, {"beta", "Beta"}, [&](db::Rows const &rows) {
            CHECK(rows.affected() == 1);
            order += "check ";
        });
        auto const after = transaction.ask("SELECT count(*) AS n FROM relay.organizations", {},
                                           [](db::Rows const &rows) { return rows.one().integer("n"); });
        CHECK(order.empty());
        CHECK(after.get() == before.get() + 1);
        order += "used";
        transaction.nothing_to_do();
    });
    CHECK(order == "check used");
}

TEST_CASE("after a statement that the server refused, it skips the rest, and the error is that of the first") {
    Relay relay;
    bool checked = false;
    auto const error = error_of([&] {
        relay.database.transact(writing(), [&](db::Transaction &transaction) {
            transaction.send(insert_org, {"Not an id", "Beta"});
            transaction.send(insert_org, {"beta", "Beta"}, [&](db::Rows const &) { checked = true; });
            transaction.exec("SELECT 1 / 0");
        });
    });
    CHECK(error.hint().sqlstate == "23514");
    CHECK_FALSE(checked);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations WHERE org_id = 'beta'") == "0");
}

TEST_CASE("a statement that is sent and never waited for is checked before COMMIT") {
    Relay relay;
    for (bool const there : {true, false}) {
        auto const commit = [&] {
            relay.database.transact(writing(), [&](db::Transaction &transaction) {
                transaction.send(insert_org, {"beta", "Beta"},
                                 [&](db::Rows const &) { transaction.confirm(there, "the organization"); });
            });
        };
        if (there) {
            commit();
        } else {
            relay.scratch.query("DELETE FROM relay.organizations WHERE org_id = 'beta'");
            CHECK(error_of(commit).kind() == ErrorKind::schema);
        }
        CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations WHERE org_id = 'beta'") ==
              (there ? "1" : "0"));
    }
}

TEST_CASE("a body that did not read its effect back is not committed, nor one that read it and did not find it") {
    Relay relay;
    auto const error_after = [&](auto const &look) {
        return error_of([&] {
            relay.database.transact(writing(), [&](db::Transaction &transaction) {
                transaction.exec(insert_org, {"beta", "Beta"});
                look(transaction);
            });
        });
    };
    CHECK(error_after([](db::Transaction &) {}).kind() == ErrorKind::internal);
    CHECK(error_after([](db::Transaction &transaction) { transaction.require(true, "a part"); }).kind() ==
          ErrorKind::internal);
    auto const missing = error_after(
        [](db::Transaction &transaction) { transaction.confirm(false, "org beta", {"org beta may be another"}); });
    CHECK(missing.kind() == ErrorKind::schema);
    CHECK(missing.message().find("org beta was not there") != std::string::npos);
    CHECK(missing.hint().not_confirmed == std::vector<std::string>{"org beta may be another"});
    CHECK(missing.hint().changed == Changed::no);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations") == "1");
}

TEST_CASE("a rule that swallows the record of an operation is noticed") {
    Relay relay;
    relay.scratch.query("CREATE RULE swallow AS ON INSERT TO relay.operations DO INSTEAD NOTHING");
    auto const error = error_of([&] {
        relay.database.transact(writing(), [](db::Transaction &transaction) { make_org(transaction, "beta", "Beta"); });
    });
    CHECK(error.kind() == ErrorKind::schema);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations") == "1");
}

TEST_CASE("a dry run and nothing_to_do leave no trace") {
    Relay relay;
    auto options = writing();
    options.dry_run = true;
    relay.database.transact(options, [](db::Transaction &transaction) { make_org(transaction, "beta", "Beta"); });
    relay.database.transact(writing(), [](db::Transaction &transaction) {
        make_org(transaction, "gamma", "Gamma");
        transaction.nothing_to_do();
    });
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations") == "1");
}

TEST_CASE("a body that asks to run again runs at most five times, then nothing was changed") {
    Relay relay;
    int runs = 0;
    auto const error = error_of([&] {
        relay.database.transact(writing(), [&](db::Transaction &) {
            ++runs;
            throw db::RunAgain();
        });
    });
    CHECK(runs == 5);
    CHECK(error.kind() == ErrorKind::unavailable);
}

TEST_CASE("a serialization failure of the server is retried with the same operation id") {
    Relay relay;
    relay.scratch.query("CREATE SEQUENCE public.tries");
    relay.scratch.query(
        "CREATE FUNCTION public.fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('public.tries') <= 2 THEN RAISE SQLSTATE '40001'; END IF; RETURN NEW; END $$");
    relay.scratch.query(
        "CREATE TRIGGER fail BEFORE INSERT ON relay.organizations FOR EACH ROW EXECUTE FUNCTION public.fail_twice()");
    int runs = 0;
    relay.database.transact(writing(), [&](db::Transaction &transaction) {
        ++runs;
        make_org(transaction, "beta", "Beta");
    });
    CHECK(runs == 3);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.operations WHERE state = 'done'") == "2");
}

TEST_CASE("what the server refuses becomes an error of ours, without its details") {
    Relay relay;
    auto const refused = [&](char const *sql, std::vector<db::Param> const &params = {}) {
        return error_of([&] {
            relay.database.transact(writing(), [&](db::Transaction &transaction) { transaction.exec(sql, params); });
        });
    };
    auto const duplicate = refused(insert_org, {"acme", "Other"});
    CHECK(duplicate.kind() == ErrorKind::conflict);
    CHECK(duplicate.message().find("acme") == std::string::npos);
    CHECK(duplicate.hint().sqlstate == "23505");
    CHECK(refused(insert_org, {"beta", "with\x1b[31m escape"}).kind() == ErrorKind::conflict);
    CHECK(refused("SELECT 1 FROM relay.nothing").kind() == ErrorKind::schema);
    CHECK(refused("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)").hint().sqlstate ==
          "42601");  // one statement at a time
    CHECK(refused("DO $$ BEGIN SET LOCAL ROLE relay_auditor; DELETE FROM relay.agents; END $$").kind() ==
          ErrorKind::denied);
}

TEST_CASE("a parameter with a NUL byte is refused before libpq can cut it") {
    Relay relay;
    auto const error = error_of([&] {
        relay.database.transact(writing(), [](db::Transaction &transaction) {
            transaction.exec(insert_org, {std::string("be\0ta", 5), "Beta"});
        });
    });
    CHECK(error.kind() == ErrorKind::internal);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.organizations") == "1");
}

TEST_CASE("no setting of the role or the database changes what runs") {
    Relay relay;
    std::string const name = relay.scratch.query("SELECT current_database()");
    relay.scratch.query(
        "CREATE SCHEMA evil; CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz "
        "'2000-01-01' $$");
    for (char const *const setting :
         {"search_path = evil, pg_catalog", "synchronous_commit = off", "timezone = 'Asia/Tokyo'",
          "datestyle = 'SQL, DMY'", "default_transaction_isolation = 'serializable'", "statement_timeout = 1"}) {
        relay.scratch.query("ALTER DATABASE " + name + " SET " + setting);
    }
    db::Database fresh(relay.scratch.settings());
    std::string commit;
    std::string isolation;
    fresh.transact(writing(), [&](db::Transaction &transaction) {
        Instant const now = transaction.now();  // outside of CHECK, which would keep OpenAgain from transact()
        CHECK(now > parse_instant("2020-01-01T00:00:00Z"));
        CHECK(transaction.exec("SELECT now() > timestamptz '2020-01-01' AS ok").one().boolean("ok"));
        commit = transaction.exec("SELECT current_setting('synchronous_commit') AS value").one().text("value");
        isolation = transaction.exec("SELECT current_setting('transaction_isolation') AS value").one().text("value");
        transaction.nothing_to_do();
    });
    CHECK(commit == "on");
    CHECK(isolation == "read committed");
}

TEST_CASE("a block's transaction commits locally whatever the database says") {
    Relay relay;
    auto options = writing();
    options.durability = db::Durability::local;
    relay.database.transact(options, [](db::Transaction &transaction) {
        CHECK(transaction.exec("SELECT current_setting('synchronous_commit') AS value").one().text("value") == "local");
        transaction.nothing_to_do();
    });
}
