#pragma once

#include "cli/sink/batch/k8s_names.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/command/delivery_command.hpp"
#include "cli/sink/format.hpp"

#include <string>
#include <vector>

namespace relay::cli {

class Output;

/// --deliver: passes each secret to the user's command, as the last step before the COMMIT that makes its key live. An
/// agent whose command fails gets no key. A batch has as many keys as commands may run at the same time.
class CommandBatches final : public BatchSink {
  public:
    CommandBatches(DeliveryCommand command, std::size_t jobs, Rendering rendering, Output &output);

    void settle(Judge const &) override {}
    void announce(std::vector<Recipient> const &recipients) override;
    std::optional<std::string> why_not(Recipient const &recipient) const override;
    void add(NewKey const &issued) override;
    std::vector<OperationId> operations() const override { return {m_operation.value()}; }
    std::size_t most_at_once() const override { return m_jobs; }
    bool may_refuse() const override { return true; }
    std::chrono::seconds extra_time() const override;
    /// Throws Error (sink) after many failures in a row: then the command is broken, not the agents.
    void deliver() override;
    std::vector<Refusal> refused() const override { return m_refused; }
    void committed() override { forget(); }
    void rolled_back() noexcept override;
    void left_unknown() noexcept override;
    std::string destination() const override { return "command"; }

  private:
    void stop_after_failures();
    void tell_of_delivered(std::string const &fate) noexcept;
    void forget() noexcept;

    DeliveryCommand m_command;
    std::size_t m_jobs;
    Rendering m_rendering;
    K8sNames m_names{};  ///< of this run, for --secret-format k8s
    Output &m_output;
    std::vector<DeliveryCall> m_calls{};
    std::vector<Refusal> m_refused{};
    std::vector<AgentId> m_delivered{};  ///< agents of this batch
    std::size_t m_failures_in_a_row = 0;
    std::optional<OperationId> m_operation{};  ///< of this batch: random, because no file is left to derive it from
};

}  // namespace relay::cli
