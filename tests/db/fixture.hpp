#pragma once

#include "relay/crypto/random_ids.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/schema/migrate.hpp"

#include <chrono>
#include <cstdlib>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>
#include <thread>

/// Shared by the db tests: a separate database for each test, in the cluster that RELAY_TEST_DSN names
/// (tests/support/with_cluster.py).
namespace relay::test {

inline std::string cluster_dsn() {
    char const *const dsn = std::getenv("RELAY_TEST_DSN");
    if (dsn == nullptr) {
        throw std::runtime_error("RELAY_TEST_DSN is not set: run db_tests through tests/support/with_cluster.py");
    }
    return dsn;
}

/// An empty database; dropped at the end.
class ScratchDatabase {
  public:
    ScratchDatabase() : m_name("t_" + generate_trace_id()) {
        administer("CREATE DATABASE " + m_name + " TEMPLATE template0 ENCODING 'UTF8'");
    }
    ~ScratchDatabase() {
        try {
            administer("DROP DATABASE " + m_name + " WITH (FORCE)");
        } catch (std::exception const &) {
            // The cluster ends with the test program.
        }
    }
    ScratchDatabase(ScratchDatabase const &) = delete;
    ScratchDatabase &operator=(ScratchDatabase const &) = delete;

    std::string dsn() const { return cluster_dsn() + " dbname=" + m_name; }
    db::Settings settings() const {
        db::Settings settings;
        settings.conninfo = dsn();
        return settings;
    }

    /// Runs `sql` as a superuser on its own connection; returns the first column of the first row, or "".
    std::string query(std::string const &sql) const {
        pqxx::connection connection(dsn());
        pqxx::nontransaction work(connection);
        pqxx::result const result = work.exec(sql);
        return result.empty() || result[0][0].is_null() ? std::string() : result[0][0].c_str();
    }

  private:
    static void administer(std::string const &sql) {
        pqxx::connection connection(cluster_dsn() + " dbname=postgres");
        pqxx::nontransaction work(connection);
        work.exec(sql);
    }
    std::string m_name;
};

/// A database with our schema, an organization `acme` without a limit, and a connection of ours to it.
class Relay {
  public:
    Relay() {
        migrate_schema(database, false);
        create_org(
            database,
            {.id = OrgId::parse("acme"), .name = DisplayName::parse("Acme"), .settings = {.plan = PlanId::paid()}},
            write());
    }

    static WriteOptions write() {
        return {.by = {.actor = Note::parse("actor", "tester"), .trace_id = generate_trace_id()}};
    }

    /// Makes an agent of acme; its key stays in `last_key`.
    CreatedAgent agent(std::string const &id) {
        DeliverTo delivery([this](std::string_view key) { last_key = key; });
        return create_agent(database,
                            {.id = AgentId::parse(id), .org = OrgId::parse("acme"), .name = DisplayName::parse(id)},
                            write(), &delivery);
    }

    ScratchDatabase scratch{};
    db::Database database{scratch.settings()};
    std::string last_key{};
};

/// Waits until `condition` is true, on a busy machine as well. Returns true, or false after a minute.
template <typename Condition>
bool comes_true(Condition const &condition) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// Waits until a session of this database waits for a lock.
inline bool somebody_waits(ScratchDatabase const &scratch) {
    return comes_true([&] {
        return scratch.query(
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                   "AND state = 'active' AND wait_event_type = 'Lock'") == "1";
    });
}

/// Returns the Error that `work` throws; fails the test if it throws none.
template <typename Work>
Error error_of(Work const &work) {
    try {
        work();
    } catch (Error const &error) {
        return error;
    }
    throw std::runtime_error("no Error was thrown");
}

}  // namespace relay::test
