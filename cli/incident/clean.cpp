#include "cli/incident/clean.hpp"

#include "cli/context.hpp"
#include "cli/documents/error.hpp"
#include "cli/documents/fields.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/database_judge.hpp"
#include "cli/sink/sink.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <filesystem>

namespace relay::cli {

namespace {

constexpr std::size_t most_named = 10;
constexpr std::string_view extension = ".key";

std::unique_ptr<Sink> open_folder_sink(Context &context, std::string const &folder, bool replace) {
    return open_sink({.secrets_dir = folder, .replace = replace}, context.output());
}

/// A failure after which the next agent would fail, too.
bool ends_all(Error const &error) {
    return error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::unknown ||
           error.kind() == ErrorKind::denied;
}

/// Returns the files of `folder` that have the name of a fresh key.
std::vector<FreshFile> files_in(Context &context, std::string const &folder) {
    std::vector<FreshFile> files;
    std::error_code failed;
    for (auto const &entry : std::filesystem::directory_iterator(folder, failed)) {
        std::string const name = entry.path().filename().string();
        if (!name.ends_with(extension)) {
            continue;
        }
        try {
            FreshFile file{.agent = AgentId::parse(name.substr(0, name.size() - extension.size()))};
            try {
                file.key = read_key(context, entry.path().string(), "--clean").id();
            } catch (Error const &) {  // not one key: no clean-up wrote it
            }
            files.push_back(std::move(file));
        } catch (Error const &) {  // of no agent
        }
    }
    return files;
}

}  // namespace

bool FreshKeys::complete() const {
    return all_tried && std::none_of(items.begin(), items.end(), [](FreshKey const &one) { return one.error; });
}

bool FreshKeys::has(AgentId const &agent) const {
    return std::any_of(items.begin(), items.end(),
                       [&](FreshKey const &one) { return one.agent == agent && !one.error; });
}

Clean::Clean(Context &context, std::string folder, OfIncident what)
    : m_context(context), m_folder(std::move(folder)), m_what(std::move(what)) {
    auto const sink = open_folder_sink(context, m_folder, false);
    if (!context.globals().dry_run) {
        settle_sink(context, *sink);
    }
    require_room();
}

void Clean::require_room() {
    std::vector<FreshFile> const files = files_in(m_context, m_folder);
    if (files.empty()) {
        return;
    }
    std::vector<FreshBefore> found;
    try {
        constexpr std::chrono::milliseconds patience{500};
        found = fresh_before(m_context.database(), files, m_what, m_context.write_options().by, patience);
    } catch (Error const &error) {
        m_context.output().warn("cannot read whose files are in " + m_folder + ": " + error.message());
    }
    for (FreshBefore const &file : found) {
        if (!file.was_fresh) {
            throw Error(ErrorKind::sink, path_of(file.agent) + " exists already; nothing was changed",
                        {.why = "it may hold the leaked key", .next = "give --clean an empty folder"});
        }
        m_replaced.insert(file.agent.text());
    }
}

FreshKey Clean::give(AgentId const &agent) {
    FreshKey one{.agent = agent};
    try {
        auto const sink = open_folder_sink(m_context, m_folder, m_replaced.contains(agent.text()));
        RestoredAgent const renewed =
            renew_agent(m_context.database(), agent, m_what, m_context.write_options(), *sink);
        one.key = renewed.key ? std::optional(renewed.key->key_id) : std::nullopt;
        one.file = renewed.changed ? path_of(agent) : "";
    } catch (Error const &error) {
        one.error = error;
    }
    return one;
}

/// Lifts the organization's revocation, but not one that someone else had made before.
void Clean::restore_own_org(IncidentReceipt const &receipt, FreshKeys &fresh) {
    auto const &standing = receipt.items.front().standing;
    if (standing && !is_own(*standing, m_context.write_options().by, receipt.at)) {
        throw Error(ErrorKind::conflict, "org " + m_what.org->text() + " was revoked by " + standing->actor +
                                             " before, so it stays revoked");
    }
    restore_org(m_context.database(), *m_what.org, m_context.write_options());
    fresh.org_restored = true;
}

std::vector<AgentId> Clean::agents_of(IncidentReceipt const &receipt, FreshKeys &fresh) {
    std::vector<AgentId> agents;
    for (AgentToRenew const &one : agents_to_renew(m_context.database(), m_what, m_context.write_options().by)) {
        agents.push_back(one.agent);
    }
    for (IncidentItem const &item : receipt.items) {
        if (item.agent() == nullptr || !item.known || item.error ||
            std::find(agents.begin(), agents.end(), *item.agent()) != agents.end()) {
            continue;
        }
        bool const is_own_work = item.standing && is_own(*item.standing, m_context.write_options().by, receipt.at);
        is_own_work ? fresh.left_out.push_back(*item.agent())
                    : agents.push_back(*item.agent());  // renew_agent says why
    }
    return agents;
}

FreshKeys Clean::run(IncidentReceipt const &receipt) {
    FreshKeys fresh;
    std::vector<AgentId> waiting;
    std::optional<Error> broken;
    try {
        if (m_what.org) {
            restore_own_org(receipt, fresh);
        }
        waiting = agents_of(receipt, fresh);
        if (!waiting.empty()) {
            m_context.output().note("revoked; now giving " + std::to_string(waiting.size()) +
                                    (waiting.size() == 1 ? " agent a fresh key" : " agents fresh keys"));
        }
        while (!waiting.empty() && !broken) {
            FreshKey one = give(waiting.front());
            waiting.erase(waiting.begin());
            if (one.error && ends_all(*one.error)) {
                broken = one.error;
            }
            if (one.error || one.key) {
                fresh.items.push_back(std::move(one));
            } else {
                fresh.left_out.push_back(one.agent);
            }
        }
    } catch (Interrupted const &) {
        fresh.interrupted = true;
        broken = Error(ErrorKind::conflict, "the command was interrupted before this agent's turn");
    } catch (Error const &error) {
        broken = error;
        m_context.output().warn("not all agents have a fresh key: " + what_failed(error));
        for (IncidentItem const &item : receipt.items) {
            if (item.agent() != nullptr && item.known && !item.error) {
                waiting.push_back(*item.agent());
            }
        }
    }
    fresh.all_tried = !broken;
    for (AgentId const &agent : waiting) {
        fresh.items.push_back({.agent = agent, .error = broken});
    }
    return fresh;
}

Value fresh_keys_value(std::optional<FreshKeys> const &fresh) {
    if (!fresh) {
        return {};
    }
    std::vector<Record> records;
    for (FreshKey const &one : fresh->items) {
        records.push_back({machine_only("agent_id", one.agent), machine_only("key_id", one.key),
                           machine_only("file", one.file.empty() ? Value() : Value(one.file)),
                           machine_only("error", error_value(one.error))});
    }
    return records;
}

void Clean::say(FreshKeys const &fresh) const {
    Output &output = m_context.output();
    std::size_t commands = 0;
    for (FreshKey const &one : fresh.items) {
        std::string const who = "agent " + one.agent.text();
        if (one.error) {
            output.warn(who + " has no fresh key: " + what_failed(*one.error));
            if (repeat_ends_fresh() && commands++ < most_named) {
                output.note("next:  " +
                            command_line(m_context.globals(), {m_what.org ? "rotate-key" : "restore", one.agent.text(),
                                                               "--secret-file", path_of(one.agent)}));
            }
        } else if (one.file.empty()) {
            output.note(who + " has key " + one.key->text() + " already, from another command");
        } else {
            output.note("fresh key of " + who + ": " + one.file);
        }
    }
    for (AgentId const &agent : fresh.left_out) {
        output.note("agent " + agent.text() + " gets no fresh key: this revocation ended no working key of it");
    }
    if (!fresh.complete() && !repeat_ends_fresh()) {
        output.note("next:  run the same command again: it gives the rest fresh keys");
    } else if (!fresh.complete()) {
        output.note("a repeat of this command revokes the fresh keys, too, and then makes new ones");
    }
}

}  // namespace relay::cli
