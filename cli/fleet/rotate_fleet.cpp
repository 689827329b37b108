#include "cli/fleet/rotate_fleet.hpp"

#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/fleet/fleet_progress.hpp"
#include "cli/fleet/second_connection.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/list_output.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/fleet/rotate_fleet.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {
namespace {

RotateFleet make_request(RotateOptions const &options) {
    RotateFleet request{.which = which_agents(options.which),
                        .if_older_than = options.if_older_than,
                        .due_within = options.due_within,
                        .if_missing = options.if_missing,
                        .retire_on_first_use = options.retire_on_first_use,
                        .force = options.force,
                        .expires_at = options.expires_at,
                        .restart = options.restart,
                        .limit = options.limit,
                        .expect = options.expect,
                        .stop_on_fault = options.on_error == "stop"};
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    request.grace = options.grace.value_or(request.grace);
    if (options.batch && options.sink.sink.deliver) {
        throw Error(ErrorKind::usage, "--batch and --deliver cannot be used together",
                    {.why = "with --deliver, a batch has one key per job", .next = "use --deliver-jobs N instead"});
    }
    if (options.batch) {
        request.batch = static_cast<std::size_t>(*options.batch);
    }
    return request;
}

Record row_record(RotatedAgent const &row) {
    return {
        {"agent_id", "Agent ID", row.agent_id},
        {"org_id", "Org ID", row.org_id, {.leaves = 2}},
        {"owner", "Owner", row.owner, {.leaves = 3, .cut = true}},
        {"outcome", "Outcome", row.outcome},
        {"key_id", "Key ID", row.key_id},
        machine_only("previous_key_id", row.previous_key_id),
        {"previous_works_until", "Old key works until", row.previous_works_until, {.leaves = 1}},
        {"reason", "Reason", or_null(row.reason), {.cut = true}},
    };
}

Record totals_record(RotatedFleet const &done) {
    return {
        machine_only("rotated", done.rotated),
        machine_only("confirmed", done.confirmed),
        machine_only("unchanged", done.unchanged),
        machine_only("failed", done.failed),
        machine_only(
            "left_out",
            Record{machine_only("not_due", done.before.not_due), machine_only("blocked", done.before.blocked),
                   machine_only("revoked", done.before.revoked), machine_only("without_key", done.before.keyless),
                   machine_only("done_before", done.before.done)}),
        machine_only("complete", done.complete),
        machine_only("batches", done.batches),
        machine_only("continued_since", done.continued),
        machine_only("delivered_to", or_null(done.delivered_to)),
    };
}

/// Returns "3 not due, 1 blocked"; empty if no agent is left out.
std::string left_out(FleetCounts const &counts) {
    std::pair<std::int64_t, char const *> const kinds[] = {{counts.not_due, "not due"},
                                                           {counts.blocked, "blocked"},
                                                           {counts.revoked, "revoked"},
                                                           {counts.keyless, "without a key"},
                                                           {counts.done, "done before"}};
    std::string text;
    for (auto const &[count, kind] : kinds) {
        if (count > 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + kind;
        }
    }
    return text;
}

std::string whose(RotateFleet const &request) {
    return request.org ? " of organization " + request.org->text() : std::string(" of the whole relay");
}

/// Says what the run is about to change, and asks at a terminal.
void announce(Context &context, RotateFleet const &request, FleetCounts const &counts,
              std::optional<Instant> const &continued, bool is_delivered) {
    std::string const others = left_out(counts);
    std::string const what = counted(static_cast<std::size_t>(counts.candidates), "agent") + whose(request);
    context.output().note("rotating the keys of " + what + (others.empty() ? "" : "; left out: " + others));
    if (continued) {
        context.output().note("this continues the rotation that began at " + format_instant_seconds(*continued) +
                              (counts.done > 0 ? "; add --restart to rotate the agents again that it has done" : ""));
        if (!is_delivered) {
            context.output().note(
                "if a run of it was killed on another machine, run the command there, too: keys of its "
                "last batch may be in an unfinished file there");
        }
    }
    if (counts.candidates == 0 || context.is_dry_run()) {
        return;
    }
    bool const ends_now = request.grace == std::chrono::seconds(0) && !is_delivered;
    if (ends_now) {
        context.prompt().confirm_final_at_terminal("This ends every current key of " + what + ". Continue?");
    } else {
        context.prompt().confirm_at_terminal("This gives a new key to " + what + ". Continue?");
    }
}

std::string conclusion(RotatedFleet const &done) {
    std::string text = "rotated " + counted(static_cast<std::size_t>(done.rotated), "agent");
    text += done.confirmed > 0 ? ", confirmed " + std::to_string(done.confirmed) : "";
    text += done.unchanged > 0 ? ", " + std::to_string(done.unchanged) + " needed no new key" : "";
    text += done.failed > 0 ? ", " + std::to_string(done.failed) + " failed: run the same command again" : "";
    return text + (done.complete ? "" : "; agents are left: run the same command again");
}

/// Ends the rotation now that its result was shown: if the program had been killed before, the same command would continue
/// it.
void end(Context &context, std::int64_t rotation, WriteOptions const &by) {
    try {
        end_fleet_rotation(context.database(), rotation, by);
    } catch (Error const &error) {
        context.output().warn("the end of this rotation was not noted (" + what_failed(error) +
                              "): for 12 hours, the same command continues it, and changes nothing");
    }
}

}  // namespace

ExitStatus rotate_fleet(RotateOptions const &options, Context &context) {
    RotateFleet request = make_request(options);
    auto const beside = second_connection(context);
    request.beside = beside.get();
    WriteOptions const by = context.write_options();
    auto const sink = open_batch_sink(options.sink, context.output());
    if (!by.dry_run) {
        sink->settle(database_judge(context));
    }
    ListOutput output(context.output(),
                      {.kind = "FleetRotationList",
                       .id_key = "agent_id",
                       .is_list = true,
                       .columns = blank(row_record({.agent_id = any_id<AgentId>()}))},
                      ListOutput::Of::changes);
    FleetProgress progress(context.output(), "rotating keys");
    FleetObserver observer;
    observer.starting = [&](FleetCounts const &counts, std::optional<Instant> const &continued) {
        announce(context, request, counts, continued, options.sink.sink.deliver.has_value());
    };
    observer.progress = [&](std::int64_t done, std::int64_t total) { progress.report(done, total); };
    observer.each = [&](RotatedAgent const &row) { output.add(row_record(row)); };
    if (options.sink.sink.after) {
        observer.after = [&](RotatedAgent const &row) {
            return after_delivery_to(options.sink.sink, row.agent_id, row.org_id.value(), row.key_id.value());
        };
    }
    try {
        RotatedFleet const done = relay::rotate_fleet(context.database(), request, by, *sink, observer);
        progress.end();
        bool const some_failed = done.failed + done.not_followed > 0;
        output.list().some_failed = some_failed;
        output.list().totals = totals_record(done);
        stamp(output.list(), context, done);
        output.finish();
        context.output().note(conclusion(done));
        if (done.finished) {
            end(context, *done.finished, by);
        }
        return some_failed ? ExitStatus::partial : ExitStatus::ok;
    } catch (...) {
        progress.end();
        fail_list(output, std::current_exception());
    }
}

}  // namespace relay::cli
