#pragma once

#include "cli/effect.hpp"
#include "cli/output/document.hpp"
#include "relay/model/attribution.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::db {
class Database;
struct Settings;
}  // namespace relay::db

namespace relay::cli {

class Output;
class Prompt;

enum class OutputFormat { table, json, jsonl, csv, id, env };
enum class ColorChoice { automatic, always, never };

/// The flags that stand anywhere on the line.
struct Globals {
    std::optional<std::string> dsn{};
    std::optional<std::string> dsn_file{};
    std::optional<std::string> service{};
    bool sandbox = false;
    OutputFormat format = OutputFormat::table;
    std::string format_origin{"default"};  ///< "--output", "--json", "RELAY_ADMIN_OUTPUT"
    bool quiet = false;
    bool verbose = false;
    ColorChoice color = ColorChoice::automatic;
    bool no_pager = false;
    std::chrono::milliseconds timeout{10'000};
    std::string timeout_origin{"default"};  ///< "--timeout", "RELAY_ADMIN_TIMEOUT"
    bool yes = false;
    bool no_input = false;
    bool dry_run = false;
    std::optional<std::string> reason{};
    std::optional<std::string> ticket{};
    std::optional<std::string> actor{};
};

/// The flags by which this run names its database, as words; what comes from the environment is there for the next command, too.
/// A --dsn that holds a password is not repeated: CONNINFO stands in its place, which no server is found by.
std::vector<std::string> connection_flags(Globals const &globals);

/// Where flags and environment say that the database is, for a look that has no side effects: none if that is a sandbox that does not
/// run now. Throws Error (usage): a --dsn-file that cannot be read.
std::optional<db::Settings> settings_without_starting(Globals const &globals);

/// What a command runs with. Nothing in it touches the database before `database()` is called.
class Context {
  public:
    explicit Context(Globals globals, Effect effect = Effect::reads);
    ~Context();

    Globals const &globals() const { return m_globals; }
    /// The database that flags and environment name; with --sandbox the private one, started if need be. Connects at the first transaction.
    db::Database &database();
    Output &output() { return *m_output; }
    Prompt &prompt() { return *m_prompt; }
    /// Actor: --actor, else the CI run, else SUDO_USER, else the login name. Trace: TRACEPARENT, else a new one.
    Attribution const &attribution();
    /// Who changes something and why, and whether it is only tried. Throws Error (internal): the command is not declared to change anything.
    WriteOptions write_options();
    /// The last part of that, for what is no change of the database. Throws the same.
    bool is_dry_run() const;

  private:
    Globals m_globals;
    Effect m_effect;
    std::unique_ptr<Output> m_output;
    std::unique_ptr<Prompt> m_prompt;
    std::unique_ptr<db::Database> m_database;
    std::optional<Attribution> m_attribution;
};

}  // namespace relay::cli
