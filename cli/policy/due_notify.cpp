#include "cli/policy/due_notify.hpp"

#include "cli/documents/due.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/hook.hpp"
#include "cli/output/output.hpp"
#include "cli/output/render_json.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

std::optional<std::string> notify_owner(Context &context, std::string const &command, std::chrono::seconds limit,
                                        OwnerNotice const &notice) {
    Document document{.kind = "DueKeyList", .id_key = "key_id", .is_list = true};
    for (DueKey const &key : notice.keys) {
        document.items.push_back(due_key_record(key));
    }
    if (notice.left_out() > 0) {
        document.warnings.push_back(counted(notice.left_out(), "more key") + " of this owner are due");
    }
    stamp(document, context, notice.read.at, notice.read.db_role);
    Hook const hook{
        .text = command,
        .variables = {"RELAY_OWNER=" + text_or_empty(notice.due.owner), "RELAY_DUE=" + std::to_string(notice.due.keys),
                      "RELAY_OVERDUE=" + std::to_string(notice.due.overdue)},
        .limit = limit,
    };
    return run_hook(hook, render_json(document, false, context.output().database()));
}

}  // namespace relay::cli
