#include "cli/sink/command/around_delivery.hpp"

#include "cli/sink/command/command_sink.hpp"
#include "cli/sink/command/store_view.hpp"

namespace relay::cli {

std::optional<StoreView> look_into_store(Context &context, SinkOptions const &options, AgentId const &agent) {
    if (!options.read_back) {
        return std::nullopt;
    }
    return view_of_store(*options.read_back, agent, staging_of(options).timeout, context.output());
}

std::optional<std::string> after_delivery(Context &context, SinkOptions const &options,
                                          std::optional<Key> const &confirmed) {
    if (!options.after || !confirmed || confirmed->state != KeyState::active || context.is_dry_run()) {
        return std::nullopt;
    }
    auto const complaint = run_after(
        *options.after, {"RELAY_AGENT_ID=" + confirmed->agent_id.text(), "RELAY_ORG_ID=" + confirmed->org_id.text(),
                         "RELAY_KEY_ID=" + confirmed->key_id.text()});
    return complaint ? std::optional("the key is confirmed, but the command of --after failed: " + *complaint)
                     : std::nullopt;
}

}  // namespace relay::cli
