#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/call_policy.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

namespace relay::cli::policy_undo_command {

namespace {

std::int64_t parse_change_id(std::string const &text) {
    std::int64_t id = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failure != std::errc() || end != text.data() + text.size() || id < 1) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " is not the id of a policy change",
                    {.why = "such an id is a whole number",
                     .next = advise(Act::list_policy_changes),
                     .sought = {.kind = "policy change", .text = text}});
    }
    return id;
}

UndoPolicy read(std::optional<std::string> const &change_id, Globals const &globals) {
    if (change_id) {
        return {.change_id = parse_change_id(*change_id)};
    }
    if (!globals.ticket) {
        throw Error(ErrorKind::usage, "missing: CHANGE-ID or --ticket", {.next = advise(Act::list_policy_changes)});
    }
    return {.ticket = Note::parse("ticket", *globals.ticket)};
}

ExitStatus run(std::optional<std::string> const &change_id, Context &context) {
    UndoPolicy request = read(change_id, context.globals());
    request.may_loosen = context.globals().yes || context.globals().dry_run;
    WriteOptions const by = context.write_options();
    PolicyUndo undo = undo_policy(context.database(), request, by);
    while (undo.is_refused) {  // again if something else was set meanwhile, so that other things would be loosened
        bool const is_wide = std::any_of(undo.lifted.begin(), undo.lifted.end(),
                                         [](PolicyChange const &change) { return !change.scope.agent; });
        confirm_loosening(context, undo.loosens, is_wide);
        request.agreed = undo.loosens;
        undo = undo_policy(context.database(), request, by);
    }
    Document document{.kind = "PolicyUndo", .id_key = "change_ids"};
    std::vector<std::int64_t> ids;
    for (PolicyChange const &lifted : undo.lifted) {
        ids.push_back(lifted.change_id);
    }
    document.data = {
        machine_only("change_ids", ids),
        {"undone", "Undone", policy_change_records(undo.lifted)},
        unless_empty("loosens", "Loosens", undo.loosens),
    };
    stamp(document, context, undo);
    context.output().show(document);
    if (!undo.changed) {
        context.output().note("nothing changed: it was undone before, or has ended");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const change_id = std::make_shared<std::optional<std::string>>();
    add_positional(set, {.names = "CHANGE-ID", .description = "the id of the change, as policy history shows it"},
                   *change_id);
    return [change_id](Context &context) { return run(*change_id, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "policy undo",
    .summary = "undo a change of a setting, or all of a ticket",
    .doc =
        R"(Takes back one setting, or with --ticket alone every setting that was made under that ticket. The policy is then
as it was before, except where something else was set meanwhile. If you give a CHANGE-ID, --ticket only goes into the
audit trail, as in every command.

Changes of --qps and --allow, and the value inherit, have no id: set the value that you need instead. The audit trail
has them (audit list --ticket).

If that loosens the policy, the command shows what, and asks; --yes answers yes. Without a terminal and without --yes, it
stops with exit 2 and changes nothing.

Exit 0: undone, now or before. 2: not an id of a change, or --yes is missing. 3: no such change, or none under the
ticket. 4: the login may not do that; a responder may only undo settings that have an end. 13: the question was answered
no.

EXAMPLES
  relay-admin policy undo 17
  # everything that was set for one incident
  relay-admin policy undo --ticket INC-42 --yes
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::policy_undo_command
