#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/incident/other_kinds.hpp"
#include "cli/incident/targets.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "cli/sink/batch/manifest.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/legacy/issue.hpp"
#include "relay/legacy/issued_keys.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_issue_command {

namespace {

constexpr std::size_t most_named = 20;  // agents whose --after failed: any number of them may

struct Options {
    std::vector<std::string> agents{};
    std::optional<std::string> file{};
    std::optional<std::int64_t> next{};
    bool all = false;
    std::optional<std::string> org{};
    std::optional<std::int64_t> batch{};
    std::optional<std::int64_t> expect{};
    std::optional<std::string> manifest{};
    BatchSinkOptions sink{};
};

IssueLegacy make_request(Options const &options) {
    exactly_one({{"AGENT", !options.agents.empty()},
                 {"--file", options.file.has_value()},
                 {"--next", options.next.has_value()},
                 {"--all", options.all}});
    at_most_one({{"--file -", options.file == "-"},
                 {"--seal-keys -", options.sink.seal_keys == "-"},
                 {"--seal-key -", options.sink.sink.seal_key == "-"}});
    IssueLegacy request{.next = options.next, .expect = options.expect};
    if (!options.agents.empty() || options.file) {
        if (options.org) {
            throw Error(ErrorKind::usage, "--org can be used only with --next or --all");
        }
        request.agents = target_agents({.agents = options.agents, .file = options.file});
    }
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    if (options.batch && options.sink.sink.deliver) {
        throw Error(ErrorKind::usage, "--batch and --deliver cannot be used together",
                    {.why = "with --deliver, a batch has one key per job", .next = "use --deliver-jobs N instead"});
    }
    if (options.batch) {
        request.batch = static_cast<std::size_t>(*options.batch);
    }
    return request;
}

/// Writes the manifest. The keys are already committed, so a failure is only a warning, and the next run writes it.
std::optional<std::string> write_manifest(Context &context, Manifest const &manifest, BatchSink const &sink,
                                          std::optional<OrgId> const &org) {
    try {
        manifest.write([&](Manifest::Take const &take) {
            read_issued_legacy(context.database(), org, [&](IssuedLegacyKey const &key) {
                take(key, sink.find({key.org_id, key.agent_id, key.owner}).value_or(""));
            });
        });
        return std::nullopt;
    } catch (Error const &error) {
        return "the manifest was not written: " + error.message().substr(0, error.message().find("; nothing was")) +
               "; run the same command again";
    }
}

/// Issues the keys. Writes the manifest even after a failure half-way, because earlier batches are committed.
IssuedLegacy issue_all(Context &context, IssueLegacy const &request, BatchSink &sink,
                       std::optional<Manifest> const &manifest, IssueObserver const &observer) {
    try {
        return issue_legacy(context.database(), request, context.write_options(), sink, observer);
    } catch (Error const &error) {
        if (manifest && error.hint().changed == Changed::partly) {
            if (auto const warning = write_manifest(context, *manifest, sink, request.org)) {
                context.output().warn(*warning);
            }
        }
        throw;
    }
}

Document issue_document(Context &context, IssuedLegacy const &done, std::optional<std::string> const &manifest) {
    std::vector<Record> faults;
    for (AgentFault const &fault : done.faults) {
        faults.push_back({{"agent_id", "Agent ID", fault.agent_id}, {"reason", "Reason", fault.reason}});
    }
    Document document{.kind = "LegacyIssue", .id_key = "issued"};
    document.some_failed = !done.faults.empty();
    document.data = {
        {"issued", "Issued", static_cast<std::int64_t>(done.issued)},
        {"batches", "Batches", static_cast<std::int64_t>(done.batches)},
        {"delivered_to", done.delivered_to.empty() ? "" : "Delivered to", or_null(done.delivered_to)},
        unless_empty("unchanged", "Had one already", done.unchanged),
        {"manifest", manifest ? "Manifest" : "", or_null(manifest.value_or(""))},
        {"waiting", "Still waiting", done.waiting},
        {"faults", done.faults.empty() ? "" : "Failed", std::move(faults)},
    };
    stamp(document, context, done);
    return document;
}

/// Says of the first agents that were not imported if their ids are those of something else: "acme is an organization".
std::vector<std::string> other_kinds(Context &context, std::vector<AgentFault> const &faults) {
    constexpr std::size_t most_looked_up = 5;
    std::vector<std::string> texts;
    std::size_t looked_up = 0;
    for (AgentFault const &fault : faults) {
        if (fault.reason != was_not_imported || ++looked_up > most_looked_up) {
            continue;
        }
        std::string const id = fault.agent_id.text();
        Error const error = explain_one(
            context,
            {ErrorKind::not_found, fault.reason, {.sought = {.kind = text_of(SubjectKind::agent), .text = id}}});
        if (!error.hint().why.empty()) {
            texts.push_back(id + ": " + fault.reason + "; " + error.hint().why + ": " +
                            first_advice(error.hint().next, context.globals()));
        }
    }
    return texts;
}

ExitStatus run(Options const &options, Context &context) {
    IssueLegacy const request = make_request(options);
    WriteOptions const by = context.write_options();
    auto const sink = open_batch_sink(options.sink, context.output());
    std::optional<Manifest> manifest;
    if (options.manifest) {
        if (options.manifest == options.sink.sink.secret_file) {
            throw Error(ErrorKind::usage, "--manifest and --secret-file name the same file",
                        {.next = "choose another name for one of them"});
        }
        manifest.emplace(*options.manifest, options.sink.sink.secrets_dir);
    }
    if (!by.dry_run) {
        sink->settle(database_judge(context));
    }
    std::optional<Progress> progress;
    std::vector<std::string> not_followed;
    std::size_t more_not_followed = 0;
    IssueObserver observer;
    observer.committed = [&](std::vector<IssuedToAgent> const &batch) {
        for (IssuedToAgent const &issued : batch) {
            if (auto const failure =
                    after_delivery_to(options.sink.sink, issued.agent_id, issued.org_id, issued.key_id)) {
                if (not_followed.size() < most_named) {
                    not_followed.push_back("agent " + issued.agent_id.text() + ": " + *failure);
                } else {
                    ++more_not_followed;
                }
            }
        }
    };
    observer.starting = [&](std::size_t total) {
        if (total > 0) {
            context.output().note("issuing keys to " + counted(total, "agent"));
        }
    };
    observer.progress = [&](std::size_t done, std::size_t total) {
        if (!progress) {
            progress.emplace(context.output().progress_stream(), "issuing keys", false, total);
        }
        progress->report(done);
    };
    IssuedLegacy const done = issue_all(context, request, *sink, by.dry_run ? std::nullopt : manifest, observer);
    progress.reset();
    std::optional<std::string> warning;
    if (manifest && !by.dry_run) {
        warning = write_manifest(context, *manifest, *sink, request.org);
    }
    Document document = issue_document(context, done, by.dry_run || warning ? std::nullopt : options.manifest);
    if (warning) {
        document.warnings.push_back(*warning);
    }
    document.warnings.insert(document.warnings.end(), not_followed.begin(), not_followed.end());
    if (more_not_followed > 0) {
        document.warnings.push_back("--after failed for " + counted(more_not_followed, "more agent"));
    }
    std::vector<std::string> const others = other_kinds(context, done.faults);
    document.warnings.insert(document.warnings.end(), others.begin(), others.end());
    if (done.in_delivery.agents > 0) {
        auto const agents = counted(static_cast<std::size_t>(done.in_delivery.agents), "agent");
        document.warnings.push_back(agents + " of the list cannot get a key before " +
                                    format_instant_seconds(done.in_delivery.until.value_or(Instant())) +
                                    ": until then a key is being delivered; run it again then");
    }
    context.output().show(document);
    if (!done.changed && done.faults.empty() && done.in_delivery.agents == 0) {
        context.output().note("nothing changed: every requested agent already has its own key");
    }
    return done.faults.empty() && !warning && not_followed.empty() ? ExitStatus::ok : ExitStatus::partial;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_integer(set, {.names = "--next", .type = "N", .description = "the next N agents of the list"},
                {.min = 1, .max = 100'000'000}, options->next);
    add_flag(set, {.names = "--all", .description = "all agents of the list"}, options->all);
    add_org_flag(set, "with --next or --all: only agents of this organization", options->org);
    add_value(set,
              {.names = "-f,--file", .type = "FILE", .description = "agent ids from a file, one per line; - is stdin"},
              options->file);
    add_integer(set, {.names = "--batch", .type = "N", .description = "keys per transaction (default: 1000)"},
                {.min = 1, .max = 10'000}, options->batch);
    add_integer(
        set,
        {.names = "--expect", .type = "N", .description = "do nothing unless exactly N agents would be issued a key"},
        {.min = 0, .max = 100'000'000}, options->expect);
    add_value(set,
              {.names = "--manifest",
               .type = "FILE",
               .description = "write a CSV of which key was issued to which agent, without secrets"},
              options->manifest);
    declare_batch_sink(set, options->sink);
    add_positionals(set, {.names = "AGENT", .description = "these agents"}, options->agents);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "migrate-legacy issue",
    .summary = "issue keys to agents that share the secret",
    .doc =
        R"(Issues keys to agents of the list: to the agents you name, to the next N (--next), or to all. Until an
agent first uses its own key, it may use either; from then on the shared secret is refused for it.

The keys go to one place: to --secrets-dir, one file each; to one --secret-file, one line each (--secret-format json
or sealed), which continues a file of an earlier run; or to the command of --deliver. They are issued in batches: each
batch is first delivered and made durable, and then committed. If the command is killed at any instant, run the same
command again: it first settles what was left, and then continues with the agents that have no key yet. It reads these
from the database, so you can also continue on another machine. Two runs at the same time share the work, and no agent
is ever issued two keys.

Agents that already have a key, or are off the list, are left unchanged. If the database refuses an agent, or its key
cannot be delivered, only that agent fails. Revoked agents are left out. With --expect N nothing is done unless
exactly N agents would be issued a key.

With --group-by org or owner, the files are in one directory per organization or owner: DIR/ORG/AGENT or
DIR/OWNER/AGENT, with mode 0700. If an owner has only small letters, digits and . _ @ + -, the directory has the
owner's name. Otherwise its name is what can be read of the owner, and a hash, so that no two owners share a directory
("Team A" becomes team-a~ and 20 digits). Agents without an owner are in _no-owner. A symbolic link in place of such a
directory is refused.

--manifest FILE lists what was issued: agent_id, org_id, owner, wave, key_id, issued_at, and file (the path in
--secrets-dir, if there is one). Each run writes the file again from the database. It has every key that an agent got
since its import exactly once, whoever issued it and however often a run was killed; with --org, only those of the
organization. A run with nothing left to issue writes it, too.

--secret-format sealed with --seal-keys FILE seals each key for its owner: to the public key of the agent's owner, or
else of its organization, or else of the owner "*". FILE is CSV with a header, or JSON lines, with owner (or org_id),
key_id and key; the last two are as the GitHub secrets API returns them. An agent for which FILE has none of the three
fails alone.

--deliver CMD runs CMD by sh for each agent, as `rotate-key` does. The key is first staged; then CMD gets it on its stdin
while no transaction is open. If CMD succeeds, the key becomes active, and the agent counts as issued. RELAY_OWNER (empty
if there is none) is in the environment of CMD, too. If CMD fails, the agent keeps the staged key, because it may have
arrived. The agent remains on the list, and after --deliver-timeout a run delivers another key to it. Until then, an
agent that you name fails (exit 7). With --next or --all, a warning says how many agents wait. After twenty
failures in a row the run ends. --deliver-jobs N runs up to N commands at the same time. --read-back CMD prints the key
that the store holds. Then a key counts as delivered only if the store shows it. --after CMD runs once for each agent
whose key is confirmed. If it fails, the agent keeps its key, a warning names it, and the exit code is 7.

Exit 0: issued, or every agent already has a key. 2: no place for the keys was given, or the file of public keys is
bad. 5: no window is open, or the number of agents differs from --expect. 7: some agents failed, or the manifest could
not be written; stdout shows which; run it again. 8: the database could not be reached; run it again. 9: the outcome
of a batch is unknown; run it again. 12: not delivered; earlier batches remain in
effect, and with --deliver every key that may have arrived works.

EXAMPLES
  relay-admin migrate-legacy issue --next 10 --secrets-dir out --secret-format env
  relay-admin migrate-legacy issue billing-2 CRM.sync --secrets-dir out
  relay-admin migrate-legacy issue --all --secret-file keys.jsonl --secret-format json
  relay-admin migrate-legacy issue --all --secrets-dir out --group-by owner --manifest issued.csv
  relay-admin migrate-legacy issue --all --expect 2310 --secrets-dir out --secret-format sealed --seal-keys owners.jsonl
  relay-admin migrate-legacy issue --all --deliver 'vault kv put "secret/$RELAY_OWNER/$RELAY_AGENT_ID" key=-' --deliver-jobs 8
  relay-admin migrate-legacy issue --all --org acme-corp --dry-run --secrets-dir out
)",
    .declare = declare,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::migrate_legacy_issue_command
