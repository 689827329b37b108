#pragma once

#include "relay/crypto/random_ids.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/create_agent.hpp"
#include "relay/identity/create_org.hpp"
#include "relay/schema/migrate.hpp"

#include <cstdlib>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>

/// What the db tests share: a database of its own for each test, in the cluster that RELAY_TEST_DSN names (tests/support/with_cluster.py).
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
            // The cluster goes with the test program.
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

    /// Runs `sql` as a superuser on a connection of its own; the first column of the first row, or "".
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
        create_org(database,
                   {.id = OrgId::parse("acme"), .name = DisplayName::parse("Acme"), .settings = {.plan = Plan::paid}},
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
                            write(), delivery);
    }

    ScratchDatabase scratch{};
    db::Database database{scratch.settings()};
    std::string last_key{};
};

/// The Error that `work` throws; fails the test if it throws none.
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
