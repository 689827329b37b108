#pragma once

#include "cli/sink/command/delivery_command.hpp"
#include "cli/sink/command/store_view.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/options.hpp"
#include "cli/sink/sink.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

class Output;

/// Returns the deadlines that the flags ask for. Throws Error (usage) if they are out of bounds.
Staging staging_of(SinkOptions const &options);

/// Returns the call of the command that gets this key: its stdin, and RELAY_* in its environment.
DeliveryCall delivery_call(NewKey const &issued, Rendering const &rendering);

/// --deliver: passes the secret to the user's command, which puts it into a store.
class CommandSink final : public Sink, public Store {
  public:
    /// Throws Error (usage) for deadlines out of bounds.
    CommandSink(SinkOptions const &options, Rendering rendering, Output &output);

    void settle(Judge const &) override {}
    OperationId prepare(NewKey const &issued) override;
    /// Throws Error (sink) if the command does not read all of its stdin, or fails; and as run_deliveries.
    void deliver() override;
    void committed() override {}
    void rolled_back() noexcept override {}
    void left_unknown() noexcept override {}
    std::string destination() const override { return "command"; }
    Store *store() override { return this; }

    Staging const &staging() const override { return m_staging; }
    void end_at(std::chrono::steady_clock::time_point deadline) override { m_command.deadline = deadline; }
    bool has_view() const override { return m_read_back.has_value(); }
    std::optional<StoreView> view() override;
    Advice again(AgentId const &agent) const override;

  private:
    Staging m_staging;
    DeliveryCommand m_command;
    std::optional<std::string> m_read_back;
    std::vector<std::string> m_flags;  ///< of a command that delivers a key again
    Rendering m_rendering;
    Output &m_output;
    std::optional<DeliveryCall> m_call{};
};

}  // namespace relay::cli
