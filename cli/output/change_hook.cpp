#include "cli/output/change_hook.hpp"

#include "cli/output/hook.hpp"

namespace relay::cli {

std::optional<std::string> run_change_hook(std::string const &command, KeyChange const &change, std::string_view line) {
    Hook const hook{
        .text = command,
        .variables = {"RELAY_CHANGE=" + change.change, std::string("RELAY_KICKS=") + (change.kicks ? "true" : "false"),
                      "RELAY_ORG_ID=" + text_or_empty(change.org_id),
                      "RELAY_AGENT_ID=" + text_or_empty(change.agent_id),
                      "RELAY_KEY_ID=" + text_or_empty(change.key_id)},
    };
    return run_hook(hook, std::string(line) + '\n');
}

}  // namespace relay::cli
