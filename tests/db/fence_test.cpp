#include "fixture.hpp"
#include "relay/identity/recover.hpp"

#include <doctest/doctest.h>
#include <chrono>
#include <thread>

using namespace relay;
using namespace relay::test;

namespace {

std::string insert_operation(OperationId const &operation) {
    return "INSERT INTO relay.operations (op_id, state) VALUES ('" + operation.text() + "', 'done')";
}

}  // namespace

TEST_CASE("an operation that was never seen is barred permanently") {
    Relay relay;
    OperationId const operation = generate_operation_id();
    CHECK(settle_operation(relay.database, operation) == Verdict::aborted);
    CHECK(settle_operation(relay.database, operation) == Verdict::aborted);
    db::TransactOptions options;
    options.operation = operation;
    CHECK_THROWS_AS(relay.database.transact(options, [](db::Transaction &) {}), Error);
    CHECK(relay.scratch.query("SELECT state FROM relay.operations WHERE op_id = '" + operation.text() + "'") ==
          "aborted");
}

TEST_CASE("an operation that was committed is done") {
    Relay relay;
    OperationId const operation = generate_operation_id();
    relay.scratch.query(insert_operation(operation));
    CHECK(settle_operation(relay.database, operation) == Verdict::done);
}

TEST_CASE("an operation in flight is waited for, and its own end decides") {
    Relay relay;
    for (bool const commits : {true, false}) {
        CAPTURE(commits);
        OperationId const operation = generate_operation_id();
        pqxx::connection connection(relay.scratch.dsn());
        pqxx::work work(connection);
        work.exec(insert_operation(operation));
        Verdict verdict = Verdict::done;
        std::thread asking([&] {
            db::Database other(relay.scratch.settings());
            verdict = settle_operation(other, operation);
        });
        bool const waits = somebody_waits(relay.scratch);
        commits ? work.commit() : work.abort();
        asking.join();
        CHECK(waits);
        CHECK(verdict == (commits ? Verdict::done : Verdict::aborted));
    }
}

TEST_CASE("in a database without our schema nothing was ever done") {
    ScratchDatabase scratch;
    db::Database database(scratch.settings());
    CHECK(settle_operation(database, generate_operation_id()) == Verdict::aborted);
    CHECK(settle_content(database, "whatever", {}) == Verdict::aborted);
}

TEST_CASE("content left behind is done if a key in it is known by its hash") {
    Relay relay;
    relay.agent("bot");
    CHECK(settle_content(relay.database, relay.last_key, {}) == Verdict::done);
    CHECK(settle_content(relay.database, "RELAY_API_KEY=" + relay.last_key + "\n", {}) == Verdict::done);
    CHECK(settle_content(relay.database, ApiKey::generate(KeyType::agent).reveal(), {}) == Verdict::aborted);
}

TEST_CASE("content of another database is not judged, and its operation not barred") {
    Relay relay;
    relay.agent("bot");
    std::string here;
    relay.database.transact({.read_only = true, .identify = true},
                            [&](db::Transaction &transaction) { here = transaction.database_id(); });
    CHECK(settle_content(relay.database, "whatever", "0123abcd") == Verdict::elsewhere);
    CHECK(relay.scratch.query("SELECT count(*) FROM relay.operations WHERE state = 'aborted'") == "0");
    CHECK(settle_content(relay.database, relay.last_key, "0123abcd") == Verdict::done);
    CHECK(settle_content(relay.database, "whatever", here) == Verdict::aborted);
}
