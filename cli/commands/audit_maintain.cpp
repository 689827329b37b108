#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/audit.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::audit_maintain_command {

namespace {

struct Options {
    std::optional<std::int64_t> ahead{};
    std::optional<std::int64_t> keep_months{};
    std::optional<std::int64_t> expect{};
};

constexpr Bounds ahead_bounds{.min = 0, .max = 24};
constexpr Bounds keep_bounds{.min = 1, .max = 1200};

MaintainAudit request_of(Options const &options) {
    MaintainAudit request{.expect = options.expect};
    if (options.ahead) {
        request.months_ahead = static_cast<int>(*options.ahead);
    }
    if (options.keep_months) {
        request.keep_months = static_cast<int>(*options.keep_months);
    } else if (options.expect) {
        throw Error(ErrorKind::usage,
                    "--expect counts the months that --keep-months drops, but --keep-months is missing");
    }
    return request;
}

/// Asks before months are dropped, and names them. Stops a script without --yes before it touches the database.
void confirm(MaintainAudit const &request, Context &context) {
    Globals const &globals = context.globals();
    if (!request.keep_months || globals.yes || globals.dry_run) {
        return;
    }
    std::string question =
        "Drop the months of the audit trail before the last " + std::to_string(*request.keep_months) + '?';
    if (context.prompt().can_ask()) {
        RetentionPlan const plan = plan_retention(context.database(), *request.keep_months);
        if (plan.months.empty() || !plan.may_drop) {
            return;
        }
        question = "Drop " + months_in_words(plan.months) + " of the audit trail permanently?";
    }
    context.prompt().confirm(question);
}

ExitStatus run(Options const &options, Context &context) {
    MaintainAudit const request = request_of(options);
    confirm(request, context);
    AuditMaintenance const done = maintain_audit(context.database(), request, context.write_options());

    Document document = audit_maintenance_document(request, done);
    if (done.more_to_prune) {
        document.warnings.emplace_back("more rows remain to be pruned: run this command again");
    }
    if (done.dropped_unsealed > 0) {
        document.warnings.emplace_back(counted(done.dropped_unsealed, "event") +
                                       " of these months had no seal; next time run audit seal first");
    }
    stamp(document, context, done);
    context.output().show(document);
    if (!done.changed) {
        context.output().note("nothing to do");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_integer(set,
                {.names = "--ahead", .type = "MONTHS", .description = "months to create after this one (default: 3)"},
                ahead_bounds, options->ahead);
    add_integer(set,
                {.names = "--keep-months",
                 .type = "MONTHS",
                 .description = "keep this month and the last MONTHS; drop older ones"},
                keep_bounds, options->keep_months);
    add_integer(
        set, {.names = "--expect", .type = "N", .description = "drop only if exactly N months would go; else exit 5"},
        {}, options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit maintain",
    .summary = "create partitions, prune, and drop old months",
    .doc =
        R"(Run this daily from a timer. The command creates the partitions that are missing, deletes what is no longer
kept, and changes nothing if there is nothing to do.

It creates partitions of relay.auth_events for this month and for the --ahead months after it. If a partition is
missing, nothing fails: rows go into the default partition. The next run creates the missing months, past ones
included, and moves those rows into them.

It deletes operations older than 30 days, changes that were delivered to gateways more than 7 days ago, and addresses
where a key was not seen for 30 days (except each key's latest address). It also deletes what organizations used, and
the holds that ended, more than 25 whole months ago. One run deletes at most 100000 rows of each kind. For each flood of
failed attempts that is over, it writes one audit row with the count.

The audit trail itself is kept unless you give --keep-months N. Then the command drops all whole months before the
last N; the current month does not count and is never dropped. Each dropped month leaves a row in
relay.retention_drops (how many rows it had, from when to when, who dropped it and why) and an audit row
audit_month_dropped. At a terminal the command names the months and asks; a script needs --yes. Dropping months needs
a member of relay_owner, because no other role can delete from the audit trail. Everything else needs a member of
relay_provisioner.

Authentication continues meanwhile. Changing a partition needs a lock for which other sessions must wait. The
command tries for a tenth of a second at a time, and holds the lock only briefly. If auth_events is never free (for
example during a long export), the command exits 8: run it again. Moving rows takes about a second per 100000; allow
for it with --timeout.

Exit 0: done, or nothing to do. 2: --keep-months needs --yes, because there is no terminal to ask at. 4: the login
lacks a privilege; nothing was changed. 5: the number of months differs from --expect; no month was dropped. 8:
auth_events was never free for long enough; run it again. 13: the question was answered no.

EXAMPLES
  relay-admin audit maintain
  # every day, from a timer
  relay-admin audit maintain --keep-months 13 --yes
  # show what would be dropped
  relay-admin audit maintain --keep-months 13 --dry-run
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::audit_maintain_command
