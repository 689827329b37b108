#include "fixture.hpp"
#include "relay/schema/schema_sql.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <regex>
#include <set>
#include <sstream>

using namespace relay;
using namespace relay::test;

namespace {

/// One change of tests/db/drift_changes*.sql.
struct Change {
    int since = 0;  ///< the major version of PostgreSQL that can do it
    std::string name{};
    std::string named{};  ///< a part of the line that names it
    std::string sql{};
};

std::vector<Change> read_changes(std::string const &file) {
    std::ifstream stream(std::string(RELAY_SOURCE_DIR) + "/tests/db/" + file);
    std::vector<Change> changes;
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("--- [")) {
            auto const arrow = line.find(" => ");
            auto const end = line.find("] ");
            REQUIRE(arrow != std::string::npos);
            changes.push_back({.since = std::stoi(line.substr(5)),
                               .name = line.substr(end + 2, arrow - end - 2),
                               .named = line.substr(arrow + 4)});
        } else if (!changes.empty()) {
            changes.back().sql += line + '\n';
        }
    }
    return changes;
}

/// The catalogs of this server that hold nothing which verify should compare, and why.
std::set<std::string> const left_out{
    "pg_am",  // no table of ours needs another access method; if a table has one, its line says so
    "pg_auth_members",  // superseded below: a change is made of it, but in 16 its rows are made beside others
    "pg_database",  // whose it is, and how many may connect, is a choice
    "pg_depend",  // what the lines are found by
    "pg_description",  // comments
    "pg_extension",  // what belongs to one has a line
    "pg_init_privs",  // what pg_dump notes of extensions
    "pg_language",  // the lines of functions name theirs
    "pg_largeobject",  // data
    "pg_largeobject_metadata",
    "pg_replication_origin",  // of the server
    "pg_seclabel",  // labels of SELinux
    "pg_shdepend",  // what the lines are found by
    "pg_shdescription",  // comments
    "pg_shseclabel",
    "pg_statistic",  // what ANALYZE found
    "pg_statistic_ext_data",
    "pg_subscription",  // a subscription to tables of ours has a line; its connection is not ours
    "pg_tablespace",  // where files are
    "pg_user_mapping",  // of foreign servers, which no table of ours needs
};

db::TransactOptions tried() {
    db::TransactOptions options;
    options.dry_run = true;
    options.check_schema = false;
    options.was_committed = [](db::Transaction &) { return false; };
    return options;
}

/// A statement that lists the catalogs in which this transaction has written, of all that the server has.
std::string touched_sql(ScratchDatabase const &scratch) {
    return scratch.query(
        "SELECT string_agg(format('SELECT %L AS name WHERE EXISTS (SELECT FROM %s WHERE xmin::text::bigint >= "
        "(pg_current_xact_id()::text::bigint & 4294967295))', relname, oid::regclass), ' UNION ALL ') "
        "FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'");
}

struct Drift {
    std::vector<SchemaDifference> differences{};
    std::vector<std::string> touched{};
};

/// Which of each four changes is compared in this run, by the seed of support/sampling.py; -1: all.
int drawn() {
    char const *const full = std::getenv("RELAY_FAULT_FULL");
    char const *const seed = std::getenv("RELAY_FAULT_SEED");
    if (full != nullptr && *full != '\0' && std::string(full) != "0") {
        return -1;
    }
    return static_cast<int>((seed != nullptr ? std::stoul(seed) : std::random_device()()) % 4);
}

Drift make(db::Database &database, Change const &change, std::string const &touched, bool compares = true) {
    return database.transact(tried(), [&](db::Transaction &transaction) {
        Drift drift;
        transaction.exec_script("SET LOCAL allow_system_table_mods = on");
        transaction.exec_script(change.sql);
        if (compares) {
            drift.differences = sql::verify_schema(transaction);
        }
        db::Rows const rows = transaction.exec(touched.c_str());
        for (db::Row const row : rows) {
            drift.touched.push_back(row.text("name"));
        }
        transaction.confirm(true, "a change that is rolled back");
        return drift;
    });
}

bool names(Drift const &drift, Change const &change) {
    return std::any_of(drift.differences.begin(), drift.differences.end(), [&](SchemaDifference const &difference) {
        return difference.line.find(change.named) != std::string::npos;
    });
}

}  // namespace

TEST_CASE("verify names each of the changes that the catalogs can express, and no catalog is forgotten") {
    Relay relay;
    int const major = std::stoi(relay.scratch.query("SHOW server_version_num")) / 10000;
    std::string const touched = touched_sql(relay.scratch);
    std::set<std::string> reached = left_out;
    int const which = drawn();
    CAPTURE(which);
    int made = 0;
    int compared = 0;
    int noticed = 0;
    for (char const *const file : {"drift_changes.sql", "drift_changes_code.sql"}) {
        for (Change const &change : read_changes(file)) {
            if (change.since > major) {
                continue;
            }
            CAPTURE(change.name);
            bool const compares = which < 0 || made % 4 == which;
            ++made;
            Drift const drift = make(relay.database, change, touched, compares);
            if (compares) {
                ++compared;
                bool const is_named = names(drift, change);
                CHECK(is_named);
                noticed += is_named ? 1 : 0;
            }
            reached.insert(drift.touched.begin(), drift.touched.end());
        }
    }
    MESSAGE("schema verify named " << noticed << " of " << compared << " changes, of " << made << " that there are");
    CHECK(made >= 200);
    CHECK(compared >= made / 4);

    // A catalog of a later PostgreSQL ends here: give it lines and a change, or say above why not.
    std::string const catalogs = relay.scratch.query(
        "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = "
        "'r'");
    std::istringstream stream(catalogs);
    for (std::string catalog; stream >> catalog;) {
        CAPTURE(catalog);
        CHECK(reached.count(catalog) == 1);
    }
}

TEST_CASE("a choice of the operator is not a difference") {
    Relay relay;
    for (char const *const choice :
         {"CREATE ROLE one LOGIN; GRANT relay_gateway TO one", "GRANT pg_read_all_stats TO relay_owner",
          "COMMENT ON TABLE relay.agents IS 'ours'", "ANALYZE", "CREATE VIEW public.mine AS SELECT * FROM relay.agents",
          "CREATE FUNCTION public.mine(relay.agents) RETURNS text LANGUAGE sql AS 'SELECT $1.name'",
          "CREATE TABLE public.mine (events relay.auth_events)", "SELECT relay.make_event_months(7)",
          "GRANT CREATE ON SCHEMA public TO relay_owner",
          "DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO relay_gateway', current_database()); END $$",
          "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END $$"}) {
        CAPTURE(std::string(choice));
        Drift const drift = make(relay.database, {.sql = choice}, touched_sql(relay.scratch));
        CHECK(drift.differences.empty());
    }
}

namespace {

/// A change of all objects of one kind, and a part of each line of the catalog that describes one.
struct Sweep {
    char const *part;
    char const *sql;
    char const *except = "\n";  ///< a part of the lines that it does not change
};

constexpr char const *ours =
    "CREATE FUNCTION pg_temp.ours(oid) RETURNS boolean LANGUAGE sql AS "
    "'SELECT $1 IN (''relay''::regnamespace, ''relay_api''::regnamespace)';"
    "CREATE FUNCTION pg_temp.of_ours(oid) RETURNS boolean LANGUAGE sql AS "
    "'SELECT EXISTS (SELECT FROM pg_class WHERE oid = $1 AND pg_temp.ours(relnamespace))';";

constexpr Sweep sweeps[] = {
    {"function ", "UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE pg_temp.ours(pronamespace)"},
    {" on function ", "UPDATE pg_proc SET proacl = NULL WHERE pg_temp.ours(pronamespace)"},
    {" on relation ", "UPDATE pg_class SET relacl = NULL WHERE pg_temp.ours(relnamespace)"},
    {" on column ", "UPDATE pg_attribute SET attacl = NULL WHERE pg_temp.of_ours(attrelid)"},
    {"table ",
     "UPDATE pg_class SET relpersistence = CASE relpersistence WHEN 'p' THEN 'u' ELSE 'p' END "
     "WHERE pg_temp.ours(relnamespace) AND relkind IN ('r', 'p')"},
    // Not of the table that verify itself reads: a change of that one is among those above.
    {"column ",
     "UPDATE pg_attribute SET attname = attname || '_' WHERE pg_temp.of_ours(attrelid) AND attnum > 0 "
     "AND attrelid <> 'relay.schema_migrations'::regclass",
     "relay.schema_migrations."},
    {"trigger ", "UPDATE pg_trigger SET tgenabled = 'D' WHERE pg_temp.of_ours(tgrelid)"},
    {"policy ", "UPDATE pg_policy SET polpermissive = NOT polpermissive WHERE pg_temp.of_ours(polrelid)"},
    {"constraint ", "UPDATE pg_constraint SET conname = conname || '_' WHERE pg_temp.of_ours(conrelid)"},
    {"index ", "UPDATE pg_index SET indisvalid = false WHERE pg_temp.of_ours(indrelid)"},
    {"rule ", "UPDATE pg_rewrite SET ev_enabled = 'D' WHERE pg_temp.of_ours(ev_class)"},
    {"sequence ", "UPDATE pg_sequence SET seqmax = seqmax - 1 WHERE pg_temp.of_ours(seqrelid)"},
    {"type ", "UPDATE pg_type SET typowner = 10 WHERE pg_temp.ours(typnamespace)"},
    {"view text ",
     "DO $$ DECLARE one record; BEGIN FOR one IN SELECT oid::regclass AS name, pg_get_viewdef(oid) AS def FROM "
     "pg_class "
     "WHERE relkind = 'v' AND pg_temp.ours(relnamespace) LOOP EXECUTE format('CREATE OR REPLACE VIEW %s AS "
     "SELECT * FROM (%s) AS before', one.name, rtrim(one.def, ';')); END LOOP; END $$"},
};

/// The lines of schema/catalog.txt that begin with a kind of object, or have ` on KIND ` of a right.
std::vector<std::string> lines_with(std::string const &part, std::string const &except) {
    std::ifstream stream(std::string(RELAY_SOURCE_DIR) + "/schema/catalog.txt");
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        bool const is_part = part.starts_with(' ') ? line.starts_with("grant ") && line.find(part) != std::string::npos
                                                   : line.starts_with(part);
        if (is_part && line.find(except) == std::string::npos) {
            lines.push_back(line);
        }
    }
    return lines;
}

/// "table relay.auth_events_YYYY_MM": what a line is about, for each month the same.
std::string subject_of(std::string const &line) {
    static std::regex const month("_[0-9]{4}_[0-9]{2}");
    return std::regex_replace(line.substr(0, line.find(' ', line.find(' ') + 1)), month, "_YYYY_MM");
}

}  // namespace

TEST_CASE("verify names a change of each object that the schema has, and each right that is gone") {
    Relay relay;
    for (Sweep const &sweep : sweeps) {
        CAPTURE(std::string(sweep.part));
        Drift const drift =
            make(relay.database, {.sql = std::string(ours) + sweep.sql}, "SELECT ''::text AS name WHERE false");
        std::set<std::string> missing;
        std::set<std::string> altered;
        for (SchemaDifference const &difference : drift.differences) {
            difference.missing ? missing.insert(difference.line) : altered.insert(subject_of(difference.line));
        }
        std::vector<std::string> const lines = lines_with(sweep.part, sweep.except);
        CHECK(lines.size() > 4);
        for (std::string const &line : lines) {
            CAPTURE(line);
            // Months come and go: one that is altered is not also missing.
            auto const other = altered.lower_bound(subject_of(line));
            bool const is_altered = other != altered.end() && other->starts_with(subject_of(line));
            bool const is_named = missing.count(line) == 1 || is_altered;
            CHECK(is_named);
        }
    }
}
