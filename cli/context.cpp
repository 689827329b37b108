#include "cli/context.hpp"

#include "cli/command_line/attribution.hpp"
#include "cli/input/dsn_file.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sandbox/sandbox.hpp"
#include "relay/db/conninfo.hpp"
#include "relay/db/database.hpp"
#include "relay/model/error.hpp"
#include "relay/naming/name_database.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace relay::cli {

namespace {

bool is_set(char const *name) {
    char const *const value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

bool libpq_is_configured() {
    constexpr std::array names{"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGDATABASE", "PGUSER"};
    return std::any_of(names.begin(), names.end(), is_set);
}

void set_sandbox(db::Settings &settings, std::string conninfo) {
    settings.conninfo = std::move(conninfo);
    settings.origin = "--sandbox";
}

void set_place(db::Settings &settings, Globals const &globals) {
    if (globals.dsn) {
        settings.conninfo = *globals.dsn;
        settings.origin = "--dsn";
        settings.allow_password = false;
    } else if (globals.dsn_file) {
        settings.conninfo = read_dsn_file(*globals.dsn_file);
        settings.origin = "--dsn-file";
    } else if (globals.service) {
        settings.conninfo = "service=" + db::quote_conninfo_value(*globals.service);
        settings.origin = "--service";
    } else if (is_set("RELAY_ADMIN_DSN")) {
        settings.conninfo = std::getenv("RELAY_ADMIN_DSN");
        settings.origin = "RELAY_ADMIN_DSN";
    } else if (!libpq_is_configured()) {
        settings.unreachable_next = own_command({"--sandbox", "init"});
    }
}

}  // namespace

std::optional<db::Settings> settings_without_starting(Globals const &globals) {
    db::Settings settings;
    settings.timeout = globals.timeout;
    if (!globals.sandbox) {
        set_place(settings, globals);
        return settings;
    }
    auto running = sandbox::find_running();
    if (!running) {
        return std::nullopt;
    }
    set_sandbox(settings, std::move(*running));
    return settings;
}

Context::Context(Globals globals, Effect effect, Line const &typed)
    : m_globals(std::move(globals)),
      m_effect(effect),
      m_typed(typed),
      m_output(std::make_unique<Output>(m_globals, [this] { return label_so_far(); })),
      m_prompt(std::make_unique<Prompt>(m_globals, [this] { return label_so_far(); })) {}

Context::~Context() = default;

db::Database &Context::database() {
    if (m_database == nullptr) {
        db::Settings settings;
        settings.timeout = m_globals.timeout;
        if (m_globals.sandbox) {
            set_sandbox(settings, sandbox::ensure_running(*m_output));
        } else {
            set_place(settings, m_globals);
        }
        settings.show_wait = [this](std::string const &line) { m_output->warn(line); };
        m_database = std::make_unique<db::Database>(std::move(settings));
    }
    return *m_database;
}

std::optional<DatabaseLabel> Context::label_so_far() const { return m_database ? m_database->label() : std::nullopt; }

bool Context::unannounced() const { return m_database && m_database->unannounced(); }

void Context::glance_at_database() {
    constexpr std::chrono::milliseconds patience{500};
    auto settings = settings_without_starting(m_globals);
    if (m_globals.yes || !m_prompt->can_ask() || !settings || label_so_far()) {
        return;
    }
    settings->timeout = std::min(settings->timeout, patience);
    try {
        db::Database other(*settings);  // not the command's: its connection may be stuck afterwards
        DatabaseLabel const label = read_database_name(other).label;
        if (label.name) {
            m_output->note("database: " + describe(label));
        }
    } catch (Error const &) {
        // A database that is slow or not there is the command's to report.
    }
}

void Context::ask_for_label() {
    if (m_prompt->can_ask() && !database().label()) {
        read_database_name(database());
    }
}

Attribution const &Context::attribution() {
    if (!m_attribution) {
        m_attribution = make_attribution(m_globals, [](char const *name) { return std::getenv(name); });
    }
    return *m_attribution;
}

WriteOptions Context::write_options() { return {.by = attribution(), .dry_run = is_dry_run()}; }

bool Context::is_dry_run() const {
    if (m_effect != Effect::changes) {
        throw Error(ErrorKind::internal, "a command changes something but does not declare it");
    }
    return m_globals.dry_run;
}

}  // namespace relay::cli
