#pragma once

#include "cli/sink/batch/k8s_names.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/command/delivery_command.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/options.hpp"
#include "relay/crypto/random_ids.hpp"

#include <string>
#include <vector>

namespace relay::cli {

class Output;

/// --deliver: passes each secret to the user's command, which puts it into a store. A batch has as many keys as commands
/// may run at the same time.
class CommandBatches final : public BatchSink {
  public:
    CommandBatches(SinkOptions const &options, std::size_t jobs, Rendering rendering, Output &output);

    void settle(Judge const &) override {}
    void announce(std::vector<Recipient> const &recipients) override;
    std::optional<std::string> why_not(Recipient const &recipient) const override;
    void add(NewKey const &issued) override;
    std::vector<OperationId> operations() const override { return {generate_operation_id()}; }
    std::size_t most_at_once() const override { return m_jobs; }
    std::optional<Staging> staging() const override { return m_staging; }
    void end_at(std::chrono::steady_clock::time_point deadline) override { m_command.deadline = deadline; }
    /// Throws Error (sink) after many failures in a row: then the command is broken, not the agents.
    void deliver() override;
    std::vector<Refusal> refused() const override { return m_refused; }
    bool has_view() const override { return m_read_back.has_value(); }
    std::optional<StoreView> view(AgentId const &agent) override;
    void committed() override { forget(); }
    void rolled_back() noexcept override { forget(); }
    void left_unknown() noexcept override { forget(); }
    std::string destination() const override { return "command"; }

  private:
    void stop_after_failures();
    void forget() noexcept;

    Staging m_staging;
    DeliveryCommand m_command;
    std::optional<std::string> m_read_back;
    std::size_t m_jobs;
    Rendering m_rendering;
    K8sNames m_names{};  ///< of this run, for --secret-format k8s
    Output &m_output;
    std::vector<DeliveryCall> m_calls{};
    std::vector<Refusal> m_refused{};
    std::size_t m_failures_in_a_row = 0;
};

}  // namespace relay::cli
