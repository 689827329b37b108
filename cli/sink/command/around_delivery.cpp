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
    if (!confirmed || confirmed->state != KeyState::active || context.is_dry_run()) {
        return std::nullopt;
    }
    return after_delivery_to(options, confirmed->agent_id, confirmed->org_id, confirmed->key_id);
}

std::optional<std::string> after_delivery_to(SinkOptions const &options, AgentId const &agent, OrgId const &org,
                                             KeyId const &key) {
    if (!options.after) {
        return std::nullopt;
    }
    auto const complaint = run_after(
        *options.after, {"RELAY_AGENT_ID=" + agent.text(), "RELAY_ORG_ID=" + org.text(), "RELAY_KEY_ID=" + key.text()});
    return complaint ? std::optional("the key is confirmed, but the command of --after failed: " + *complaint)
                     : std::nullopt;
}

}  // namespace relay::cli
