#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/documents/usage.hpp"
#include "cli/output/output.hpp"
#include "relay/model/format_text.hpp"

#include <memory>

namespace relay::cli::usage_release_command {

namespace {

struct Options {
    std::optional<std::string> org{};
    std::optional<std::string> meter{};
    std::optional<std::string> hold{};
};

ExitStatus run(Options const &options, Context &context) {
    OrgId const org = OrgId::parse(*options.org);
    MeterName const meter = MeterName::parse(*options.meter);
    HoldId const id = HoldId::parse(*options.hold);
    ReleasedHold const released = release_hold(context.database(), org, meter, id, context.write_options());

    Document document{.kind = "HoldRelease", .id_key = "hold_id"};
    document.data = hold_record(released.hold);
    document.data.push_back({"ended_at", "Ended", released.hold.ended_at});
    stamp(document, context, released);
    context.output().show(document);
    if (!released.changed) {
        context.output().note(fmt::format("nothing changed: hold {} of {} had ended", id, meter));
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "ORG", .description = "the organization", .required = true}, options->org);
    add_positional(set, {.names = "METER", .description = "what is held, such as vms", .required = true},
                   options->meter);
    add_positional(set,
                   {.names = "HOLD", .description = "the name of the hold, as usage holds lists it", .required = true},
                   options->hold);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "usage release",
    .summary = "end a hold whose caller did not release it",
    .doc =
        R"(Ends a hold, so that it no longer counts. Use it for a hold that leaked: its caller was lost, and what it held
is gone. The command frees only the place in the limit; it does not end a machine and deletes no data.

The hold counts in the report of the month until this moment. If it has ended already, nothing changes ("changed":
false). The release is recorded in the audit trail as hold_released, with its actor, ticket and reason.

Exit 0: released, now or before. 2: no such meter. 3: no such organization, or nothing was ever held under this name; the
error suggests similar ones.

EXAMPLES
  relay-admin usage release acme-corp vms vm-17 --reason "machine was deleted by hand"
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::usage_release_command
