#include "cli/incident/clean.hpp"

#include "cli/context.hpp"
#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/output.hpp"
#include "cli/output/own_file.hpp"
#include "cli/posix/signals.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/identity/rotate_key.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/inspect/whose.hpp"
#include "relay/model/outcome.hpp"
#include "relay/naming/database_id.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace relay::cli {

namespace {

constexpr std::string_view unfinished_beginning = "An unfinished clean-up of relay-admin\n";
constexpr std::size_t longest_unfinished = std::size_t{64} << 20U;
constexpr std::time_t oldest_unfinished = 24 * 60 * 60;

std::unique_ptr<Sink> open_folder_sink(Context &context, std::string const &folder) {
    return open_sink({.secrets_dir = folder}, context.output());
}

/// A failure after which the next agent would fail, too.
bool ends_all(Error const &error) {
    return error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::unknown ||
           error.kind() == ErrorKind::denied;
}

}  // namespace

bool FreshKeys::complete() const {
    return all_tried && std::none_of(items.begin(), items.end(), [](FreshKey const &one) { return one.error; });
}

bool FreshKeys::has(AgentId const &agent) const {
    return std::any_of(items.begin(), items.end(),
                       [&](FreshKey const &one) { return one.agent == agent && !one.error; });
}

Clean::Clean(Context &context, std::string folder, std::vector<std::string> subjects)
    : m_context(context), m_folder(std::move(folder)), m_subjects(std::move(subjects)) {
    auto const sink = open_folder_sink(context, m_folder);
    if (context.globals().dry_run) {
        return;
    }
    settle_sink(context, *sink);
    if (!m_subjects.empty()) {
        m_database_id = read_database_id(context.database());
        read_unfinished();
    }
}

std::string Clean::unfinished_text() const {
    std::string text = std::string(unfinished_beginning) + "database " + m_database_id + '\n';
    for (std::string const &subject : m_subjects) {
        text += subject + '\n';
    }
    return text;
}

void Clean::read_unfinished() {
    std::string const path = unfinished_path();
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return;
    }
    bool const is_recent = std::time(nullptr) - status.st_mtime < oldest_unfinished;
    if (is_recent && read_trusted(path, "--clean", longest_unfinished) == unfinished_text()) {
        m_continues = true;
        m_context.output().note("an earlier run has revoked them and did not finish: giving the rest fresh keys");
        return;
    }
    throw Error(ErrorKind::conflict, path + " is of another clean-up that did not finish; nothing was changed",
                {.why = is_recent ? "it was about something else, or another database"
                                  : "it is more than a day old, so the keys may have leaked since",
                 .next = "use another folder, or remove the file if you no longer need that clean-up"});
}

void Clean::require_room(std::vector<AgentId> const &agents) const {
    if (m_continues) {
        return;
    }
    for (AgentId const &agent : agents) {
        std::string const path = m_folder + '/' + agent.text() + ".key";
        struct stat status {};
        if (::lstat(path.c_str(), &status) == 0) {
            throw Error(ErrorKind::sink, path + " exists already; nothing was changed",
                        {.why = "it may hold the leaked key", .next = "give --clean an empty folder"});
        }
    }
}

void Clean::require_room(OrgId const &org) const {
    std::vector<AgentId> agents;
    list_agents(m_context.database(), {.org = org, .page = {.limit = std::nullopt}},
                [&](Agent const &agent, ReadStamp const &) { agents.push_back(agent.agent_id); });
    require_room(agents);
}

void Clean::require_room(std::multimap<KeyId, scan::FoundKey> const &found, std::vector<KeyId> const &ids) const {
    std::vector<AgentId> agents;
    std::vector<KeyId> keys;
    for (Whose const &whose : whose_found(m_context.database(), found, ids).items) {
        auto const *const status = std::get_if<KeyStatus>(&whose.state);
        if (whose.proof == Proof::other_secret || status == nullptr) {
            continue;
        }
        keys.push_back(*whose.key_id);
        if (*status == KeyStatus::active || *status == KeyStatus::staged) {
            agents.push_back(*whose.agent_id);
        }
    }
    for (AgentWithoutKey const &agent : agents_without_key(m_context.database(), keys)) {
        agents.push_back(agent.agent_id);
    }
    require_room(agents);
}

/// From here on, a repeat does not revoke again.
void Clean::note_revoked() {
    if (m_subjects.empty() || m_continues) {
        return;
    }
    if (::mkdir(m_folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw Error(ErrorKind::sink, "cannot create the folder " + m_folder + ": " + std::strerror(errno));
    }
    write_own_file({.flag = "--clean", .path = unfinished_path(), .beginning = unfinished_beginning},
                   unfinished_text());
}

void Clean::give(FreshKeys &fresh, AgentId const &agent, bool restores) {
    FreshKey one{.agent = agent, .file = m_folder + '/' + agent.text() + ".key"};
    try {
        auto const sink = open_folder_sink(m_context, m_folder);
        if (restores) {
            RestoredAgent const restored = restore_agent(m_context.database(), agent, m_context.write_options(), *sink);
            one.key = restored.key ? std::optional(restored.key->key_id) : std::nullopt;
        } else {
            // The old key is dead. One that is still in its grace ends, too: two keys are all that an agent may have.
            RotateKey const request{.agent = agent, .grace = std::chrono::seconds(0), .force = true};
            one.key =
                rotate_key(m_context.database(), request, m_context.write_options(), sink.get()).key.value().key_id;
        }
    } catch (Error const &error) {
        one.error = error;
    }
    fresh.items.push_back(std::move(one));
    if (fresh.items.back().error && ends_all(*fresh.items.back().error)) {
        throw *fresh.items.back().error;
    }
}

FreshKeys Clean::all(std::function<void(FreshKeys &)> const &work) {
    FreshKeys fresh;
    try {
        note_revoked();
        work(fresh);
        fresh.all_tried = true;
        m_complete = fresh.complete();
    } catch (Interrupted const &) {
        m_context.output().warn("interrupted: not all agents have a fresh key");
    } catch (Error const &error) {
        m_context.output().warn("not all agents have a fresh key: " + what_failed(error));
    }
    return fresh;
}

FreshKeys Clean::after_keys(IncidentReceipt const &receipt) {
    return all([&](FreshKeys &fresh) {
        std::vector<KeyId> keys;
        for (IncidentItem const &item : receipt.items) {
            if (item.key() != nullptr && !item.error) {
                keys.push_back(*item.key());
            }
        }
        for (AgentWithoutKey const &agent : agents_without_key(m_context.database(), keys)) {
            give(fresh, agent.agent_id, false);
        }
    });
}

FreshKeys Clean::after_agents(IncidentReceipt const &receipt) {
    return all([&](FreshKeys &fresh) {
        for (IncidentItem const &item : receipt.items) {
            if (item.agent() != nullptr && item.known && !item.error) {
                give(fresh, *item.agent(), true);
            }
        }
    });
}

FreshKeys Clean::after_org(OrgId const &org) {
    return all([&](FreshKeys &fresh) {
        restore_org(m_context.database(), org, m_context.write_options());
        for (AgentWithoutKey const &agent : agents_without_key(m_context.database(), org)) {
            give(fresh, agent.agent_id, false);
        }
    });
}

ExitStatus Clean::finish(ExitStatus status) const {
    if (m_complete && !m_subjects.empty()) {
        remove_own_file({.flag = "--clean", .path = unfinished_path(), .beginning = unfinished_beginning});
    }
    return status;
}

Value fresh_keys_value(std::optional<FreshKeys> const &fresh) {
    if (!fresh) {
        return {};
    }
    std::vector<Record> records;
    for (FreshKey const &one : fresh->items) {
        records.push_back({machine_only("agent_id", one.agent), machine_only("key_id", one.key),
                           machine_only("file", one.error ? Value() : Value(one.file)),
                           machine_only("error", error_value(one.error))});
    }
    return records;
}

void say_fresh_keys(Context &context, FreshKeys const &fresh) {
    for (FreshKey const &one : fresh.items) {
        if (one.error) {
            context.output().warn("agent " + one.agent.text() + " has no fresh key: " + what_failed(*one.error));
        } else {
            context.output().note("fresh key of agent " + one.agent.text() + ": " + one.file);
        }
    }
    if (!fresh.complete()) {
        context.output().note("next:  run the same command again: it gives the rest fresh keys");
    }
}

}  // namespace relay::cli
