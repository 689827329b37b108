#pragma once

#include "cli/effect.hpp"
#include "cli/output/document.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/database_label.hpp"

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
struct Line;

enum class OutputFormat { table, json, jsonl, csv, id, env };
/// Returns true for json and jsonl, in which errors are JSON, too.
constexpr bool is_json(OutputFormat format) { return format == OutputFormat::json || format == OutputFormat::jsonl; }
enum class ColorChoice { automatic, always, never };

/// The global flags, which may appear anywhere on the command line.
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

/// Returns which database flags and environment name, without side effects; none if that is a sandbox that is not
/// running. Throws Error (usage) if the --dsn-file cannot be read.
std::optional<db::Settings> settings_without_starting(Globals const &globals);

/// What a command runs with. It does not touch the database before `database()` is called.
class Context {
  public:
    /// Keeps a reference to `typed`.
    Context(Globals globals, Effect effect, Line const &typed);
    ~Context();

    Globals const &globals() const { return m_globals; }
    /// Returns the command line as it was typed, for advice that keeps its flags.
    Line const &typed() const { return m_typed; }
    /// Returns the database that flags and environment name. With --sandbox, that is the private one, and it is started
    /// if necessary. The connection is made at the first transaction.
    db::Database &database();
    /// Reads the name of the database if a question can be asked, which must show it, and no transaction has read it yet.
    /// Throws as any transaction does.
    void ask_for_label();
    /// Shows the name of the database before a question that must not wait for a slow one: gives up after half a second,
    /// silently. If there is a fault, the command itself reports it.
    void glance_at_database();
    /// Returns true if a change was made of which the change feed took no row.
    bool unannounced() const;
    Output &output() { return *m_output; }
    Prompt &prompt() { return *m_prompt; }
    /// Returns who runs the command. Actor: --actor, else the CI run, else SUDO_USER, else the login name. Trace:
    /// TRACEPARENT, else a new one.
    Attribution const &attribution();
    /// Returns who makes the change and why, and whether it is a dry run. Throws Error (internal) if the command does
    /// not declare that it changes something.
    WriteOptions write_options();
    /// Returns whether this is a dry run, for changes outside the database. Throws as write_options() does.
    bool is_dry_run() const;

  private:
    std::optional<DatabaseLabel> label_so_far() const;

    Globals m_globals;
    Effect m_effect;
    Line const &m_typed;
    std::unique_ptr<Output> m_output;
    std::unique_ptr<Prompt> m_prompt;
    std::unique_ptr<db::Database> m_database;
    std::optional<Attribution> m_attribution;
};

}  // namespace relay::cli
