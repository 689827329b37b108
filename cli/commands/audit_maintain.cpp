#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/audit.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

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
        throw Error(ErrorKind::usage, "--expect counts the months that --keep-months drops: it says nothing here");
    }
    return request;
}

/// A person is told what goes; a script without --yes is stopped before the database is touched.
void confirm(MaintainAudit const &request, Context &context) {
    Globals const &globals = context.globals();
    if (!request.keep_months || globals.yes || globals.dry_run) {
        return;
    }
    std::string question =
        "drop the months of the audit trail before the last " + std::to_string(*request.keep_months) + '?';
    if (context.prompt().can_ask()) {
        RetentionPlan const plan = plan_retention(context.database(), *request.keep_months);
        if (plan.months.empty() || !plan.may_drop) {
            return;
        }
        question = "drop " + months_in_words(plan.months) + " of the audit trail for good?";
    }
    context.prompt().confirm(question);
}

ExitStatus run(Options const &options, Context &context) {
    MaintainAudit const request = request_of(options);
    confirm(request, context);
    AuditMaintenance const done = maintain_audit(context.database(), request, context.write_options());

    Document document = audit_maintenance_document(request, done);
    if (done.more_to_prune) {
        document.warnings.emplace_back("more is left to prune: run it again");
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
                {.names = "--ahead", .type = "MONTHS", .description = "months to make after this one; 3 if not given"},
                ahead_bounds, options->ahead);
    add_integer(
        set,
        {.names = "--keep-months", .type = "MONTHS", .description = "drop whole months before this one and that many"},
        keep_bounds, options->keep_months);
    add_integer(
        set, {.names = "--expect", .type = "N", .description = "how many months that will be; if not, none is dropped"},
        {}, options->expect);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const audit_maintain;
Command const audit_maintain{
    .path = "audit maintain",
    .summary = "make months ahead, prune, and drop old months",
    .doc =
        R"(For a daily timer: makes what is missing, takes away what is not kept, and changes nothing when there is nothing to do.

It makes the partitions of relay.auth_events for this month and the --ahead months after it. Nothing stops while one is missing: rows then go
into the default partition. The next run makes the missing months, also past ones, and moves those rows into them.

It prunes operations older than 30 days, changes that gateways were told of more than 7 days ago, and addresses at which a key was not seen for
30 days, but for its latest: at most 100000 of each in one run. Floods of failures that are over get their row in the audit trail, with their count.

By itself it drops nothing of the audit trail. With --keep-months N whole months are dropped: all before the N that precede the present one, which
is never dropped itself. relay.retention_drops keeps for each how many rows it had, from when to when, who dropped it and why; so does a row
audit_month_dropped in the audit trail. A person at a terminal is told what goes and asked; a script needs --yes. It takes a member of relay_owner,
since nobody else can take anything away from the audit trail; everything else is for members of relay_provisioner.

Authentication goes on meanwhile. The lock that the change of a partition needs is waited for a tenth of a second at a time and held for a
moment, since everybody else waits behind it; if auth_events is never free (a long export reads it), this is exit 8: run it again.
Moving many rows takes its time, about a second for 100000; allow it with --timeout.

Exit 0: done, or nothing to do. 2: --keep-months without --yes where nobody can be asked. 4: the login may not do this; nothing was changed. 5:
--expect was another number; no month was dropped. 8: auth_events was never free for long enough; run it again. 13: the question was answered no.

EXAMPLES
  relay-admin audit maintain
  # every day, from a timer
  relay-admin audit maintain --keep-months 13 --yes
  # what would go
  relay-admin audit maintain --keep-months 13 --dry-run
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
