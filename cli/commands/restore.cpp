#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/incident/context.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "cli/sink/options.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::restore_command {

namespace {

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> org{};
    std::optional<std::string> confirm{};
    std::optional<Instant> expires_at{};
    SinkOptions sink{};
};

/// Returns the page for people: the fresh key, and whether gateways accept it.
Record restored_page(RestoredAgent const &restored) {
    std::vector<Key> keys;
    if (restored.key) {
        keys.push_back(*restored.key);
    }
    Record page{people_only("Gateways", describe_access(restored.agent.status, {}, keys, {}))};
    append(page, new_key_record(restored.agent, restored.key, restored.delivered_to));
    page.push_back({"status", "Status", restored.agent.status});
    return page;
}

/// Returns the item for machines: as of the other incident commands, with the fresh key.
Record restored_item(RestoredAgent const &restored) {
    Record item = incident_record({.subject = restored.agent.agent_id, .changed = restored.changed}, {});
    set(item, "org_id", restored.agent.org_id);
    set(item, "status", restored.agent.status);
    set(item, "agent", agent_record(restored.agent));
    append(item, machine_key_record(restored.key, restored.delivered_to));
    return item;
}

/// If the database did not do it, the last line says what may be so instead.
RestoredAgent restore_confirmed(Options const &options, Context &context, AgentId const &agent, KeyDelivery &delivery) {
    try {
        return restore_agent(context.database(), {.agent = agent, .expires_at = options.expires_at},
                             context.write_options(), delivery);
    } catch (Error const &error) {
        if (error.kind() != ErrorKind::schema) {
            throw;
        }
        throw with_doubts(IncidentVerb::restore, id_texts({agent}), error);
    }
}

ExitStatus restore_one(Options const &options, Context &context) {
    AgentId const agent = AgentId::parse(*options.agent);
    SinkOptions sink_options = options.sink;
    sink_options.existing_file = ExistingFile::refuse_at_delivery;  // an agent that is not revoked gets no key
    auto const sink = open_sink(sink_options, context.output());
    if (!context.globals().dry_run) {
        if (context.prompt().can_ask() && !context.globals().yes) {
            show_agent(context.database(), agent, 0);  // throws if there is none: then there is nothing to ask
        }
        context.ask_for_label();
        context.prompt().confirm("Restore agent " + agent.text() + " and issue it a fresh key?");
        settle_sink(context, *sink);
    }
    RestoredAgent const restored = restore_confirmed(options, context, agent, *sink);
    Document document;
    document.kind = "Restore";
    document.id_key = "subject_id";
    document.is_list = context.globals().format != OutputFormat::table;
    document.data = restored_page(restored);
    document.items = {restored_item(restored)};
    document.columns = blank(document.items.front());
    stamp(document, context, restored);
    if (restored.agent.status == Status::blocked) {
        document.warnings.push_back("agent " + agent.text() +
                                    " is still refused: it is blocked, or its organization is; see " +
                                    command_line(context.globals(), {"agent", "show", agent.text()}));
    }
    auto const failure = after_delivery(context, options.sink, restored.changed ? restored.key : std::nullopt);
    if (failure) {
        document.warnings.push_back(*failure);
    }
    context.output().show(document);
    if (!restored.changed) {
        context.output().note("nothing changed: agent " + agent.text() + " was not revoked; to give it a fresh key: " +
                              command_line(context.globals(), {"rotate-key", agent.text()}));
    }
    return failure ? ExitStatus::partial : ExitStatus::ok;
}

/// Restores one subject of a ticket. Its error becomes that of its item.
Record restore_of_ticket(Options const &options, Context &context, Subject const &subject, Document &document) {
    try {
        if (auto const *const agent = std::get_if<AgentId>(&subject)) {
            try {
                auto const sink = open_sink(options.sink, context.output());
                RestoredAgent const restored = restore_confirmed(options, context, *agent, *sink);
                document.changed = document.changed || restored.changed;
                stamp(document, context, restored);
                return restored_item(restored);
            } catch (Error const &error) {
                if (error.kind() != ErrorKind::not_found) {
                    throw;
                }
            }
        }
        IncidentReceipt const receipt =
            kind_of(subject) == SubjectKind::agent
                ? restore_unknown_agent(context.database(), std::get<AgentId>(subject), context.write_options())
                : restore_org(context.database(), std::get<OrgId>(subject), context.write_options());
        document.changed = document.changed || receipt.changed;
        stamp(document, context, receipt);
        Record item = incident_record(receipt.items.front(), {});
        append(item, machine_key_record({}, ""));
        return item;
    } catch (Error const &error) {
        bool const ends_all = error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::unknown ||
                              error.kind() == ErrorKind::denied || error.kind() == ErrorKind::schema;
        if (ends_all) {
            throw;
        }
        document.some_failed = true;
        document.warnings.push_back(text_of(subject) + ": " + error.message());
        Record item = incident_record({.subject = subject, .error = error}, {});
        append(item, machine_key_record({}, ""));
        return item;
    }
}

/// "bot, crm and 3 more"
std::string names_of(std::vector<AgentId> const &agents) {
    constexpr std::size_t named_at_most = 5;
    std::string names;
    for (std::size_t i = 0; i < std::min(agents.size(), named_at_most); ++i) {
        names += (i == 0 ? "" : ", ") + agents[i].text();
    }
    return agents.size() <= named_at_most ? names
                                          : names + " and " + std::to_string(agents.size() - named_at_most) + " more";
}

/// Asks about the agents, and has the id of each organization typed: that brings back all of its agents.
void confirm_ticket(Options const &options, Context &context, std::string const &ticket,
                    std::vector<Subject> const &subjects) {
    std::vector<AgentId> agents;
    std::vector<OrgId> orgs;
    for (Subject const &subject : subjects) {
        if (auto const *const agent = std::get_if<AgentId>(&subject)) {
            agents.push_back(*agent);
        } else {
            orgs.push_back(std::get<OrgId>(subject));
        }
    }
    if (!agents.empty() && !options.sink.secrets_dir) {
        throw Error(ErrorKind::usage, "restoring the agents of a ticket needs --secrets-dir DIR for their fresh keys");
    }
    if (options.confirm && orgs.empty()) {
        throw Error(ErrorKind::usage, "--confirm has no effect: no organization is revoked under ticket " + ticket,
                    {.next = "for agents, use --yes"});
    }
    for (OrgId const &org : orgs) {
        confirm_org(context, org, options.confirm, "restores", "All old keys stay dead: each agent needs rotate-key.");
    }
    if (!context.globals().dry_run && !agents.empty()) {
        context.ask_for_label();
        context.prompt().confirm("Restore what was revoked under ticket " + ticket + ": " +
                                 counted(agents.size(), "agent") + " (" + names_of(agents) + "), with fresh keys?");
        settle_sink(context, *open_sink(options.sink, context.output()));
    }
}

ExitStatus restore_ticket(Options const &options, Context &context) {
    std::string const &ticket = *context.globals().ticket;
    std::vector<Subject> const subjects = revoked_under(context.database(), Note::parse("ticket", ticket));
    confirm_ticket(options, context, ticket, subjects);
    Document document{.kind = "Restore", .id_key = "subject_id", .is_list = true, .dry_run = context.globals().dry_run};
    bool changed = false;
    std::optional<Error> broken;  // the next subject would fail, too, or this one is in doubt
    for (auto subject = subjects.begin(); subject != subjects.end() && !broken; ++subject) {
        try {
            document.items.push_back(restore_of_ticket(options, context, *subject, document));
        } catch (Error const &error) {
            broken = error;
        }
        changed = changed || document.changed;
    }
    if (broken && document.items.empty()) {
        throw *broken;
    }
    document.changed = changed;
    document.columns = incident_record({.subject = any_id<AgentId>()}, {});
    append(document.columns, machine_key_record({}, ""));
    document.columns = blank(document.columns);
    context.output().show(document);
    if (broken) {
        throw *broken;
    }
    if (subjects.empty()) {
        context.output().note("nothing changed: nothing that was revoked under ticket " + ticket +
                              " is still revoked (single keys stay dead)");
    }
    return document.some_failed ? ExitStatus::partial : ExitStatus::ok;
}

ExitStatus run(Options const &options, Context &context) {
    if (!options.agent && !options.org && context.globals().ticket) {
        return restore_ticket(options, context);
    }
    exactly_one({{"AGENT", options.agent.has_value()}, {"--org", options.org.has_value()}});
    if (options.agent) {
        if (options.confirm) {
            throw Error(ErrorKind::usage, "--confirm has no effect without --org", {.next = "for an agent, use --yes"});
        }
        return restore_one(options, context);
    }
    if (options.sink.asked() || options.expires_at) {
        throw Error(ErrorKind::usage,
                    std::string("restoring an organization makes no key, so ") +
                        (options.expires_at ? "none can expire" : "there is no secret to write"),
                    {.next = "restore the organization, then give each agent a key with rotate-key"});
    }
    OrgId const org = OrgId::parse(*options.org);
    confirm_org(context, org, options.confirm, "restores", "All old keys stay dead: each agent needs rotate-key.");
    return show_incident(context, IncidentVerb::restore, {"org " + org.text()},
                         [&] { return restore_org(context.database(), org, context.write_options()); });
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positional(set, {.names = "AGENT", .description = "the revoked agent"}, options->agent);
    add_org_flag(set, "lift an organization's revocation", options->org);
    add_value(set, {.names = "--confirm", .type = "ID", .description = "the organization's id, instead of typing it"},
              options->confirm);
    add_instant(set, {.names = "--expires", .description = "when the new key ends (default: as the last one would)"},
                options->expires_at);
    declare_sink(set, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "restore",
    .summary = "bring a revoked agent back, with a fresh key",
    .doc =
        R"(Lifts an agent's revocation and issues a fresh key, in one transaction. Every older key of the agent stays
dead permanently. Blocks remain in force. The new key is delivered before the commit, to the place you choose; without
a flag it is shown if stdout is a terminal. With --deliver CMD, it is staged, delivered, and then confirmed, as
`rotate-key` says. If the last key was to expire later, the new one expires then, too. --expires TIME sets another end.

The command asks first; --yes answers yes. Without a terminal and without --yes it stops with exit 2 before anything
is written. If the agent is not revoked, nothing changes and no file is made (exit 0, "changed": false).

With --org the revocation of an organization is lifted. You must type its id, or give it again as --confirm ORG. All
keys that exist stay dead, even those made while the organization was revoked, so each of its agents then needs
`rotate-key`.

With --ticket alone, everything is restored that was revoked under that ticket. Agents get their fresh keys in
--secrets-dir. Each is a transaction. You confirm an organization of the ticket as with --org. If there are several, a
script restores them one by one. If the command is killed, run it again: it restores the rest. Single keys that were
revoked stay dead.

Exit 0: restored, now or before. 2: no place for the key was given, or --yes or --confirm is missing. 3: no such agent,
organization or ticket. 5: the agent's organization is revoked. 6: the organization is at its limit. 7: some of a
ticket could not be restored; stdout shows which. 11: the revocation was still in force when it was read back, before
the COMMIT or after it; the last line is `NOT CONFIRMED: agent X may still be revoked`. 12: the key could not be
delivered; nothing was changed. With --deliver: the agent is restored with a staged key; the next command is
`rotate-key AGENT --deliver CMD`. 13: the question was answered no.

EXAMPLES
  relay-admin restore billing-bot --secret-file billing-bot.env --secret-format env
  relay-admin restore --org acme-corp --confirm acme-corp
  # everything that was revoked for one incident
  relay-admin restore --ticket INC-42 --secrets-dir fresh-keys --yes)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 4,
    .effect = Effect::changes,
    .completes = IdFilter::revoked,
};

}  // namespace relay::cli::restore_command
