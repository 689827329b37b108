#include "cli/sink/batch/command_batches.hpp"

#include "cli/output/output.hpp"
#include "cli/posix/files.hpp"
#include "cli/sink/command/command_sink.hpp"
#include "cli/sink/command/store_view.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {
namespace {

constexpr std::size_t most_failures = 20;

}  // namespace

CommandBatches::CommandBatches(SinkOptions const &options, std::size_t jobs, Rendering rendering, Output &output)
    : m_staging(staging_of(options)),
      m_command{.text = *options.deliver, .limit = m_staging.timeout},
      m_read_back(options.read_back),
      m_jobs(jobs),
      m_rendering(std::move(rendering)),
      m_output(output) {
    m_command.said = [this](AgentId const &agent, std::string const &line) {
        m_output.note(agent.text() + ": " + line);
    };
}

void CommandBatches::announce(std::vector<Recipient> const &recipients) {
    for (Recipient const &recipient : recipients) {
        if (m_rendering.format == SecretFormat::k8s) {
            m_names.add(recipient.agent.text());
        }
    }
}

std::optional<std::string> CommandBatches::why_not(Recipient const &recipient) const {
    auto reason = why_not_rendered(m_rendering, recipient);
    return reason ? reason : m_names.why_not(recipient.agent.text());
}

void CommandBatches::add(NewKey const &issued) { m_calls.push_back(delivery_call(issued, m_rendering)); }

void CommandBatches::deliver() {
    auto const complaints = run_deliveries(m_command, m_calls);
    for (std::size_t i = 0; i < m_calls.size(); ++i) {
        if (complaints[i]) {
            m_refused.push_back({m_calls[i].agent_id, *complaints[i]});
        }
    }
    stop_after_failures();
}

std::optional<StoreView> CommandBatches::view(AgentId const &agent) {
    return view_of_store(*m_read_back, agent, m_staging.timeout, m_output);
}

void CommandBatches::stop_after_failures() {
    if (m_refused.size() < m_calls.size()) {
        m_failures_in_a_row = 0;
        return;
    }
    m_failures_in_a_row += m_refused.size();
    if (m_failures_in_a_row >= most_failures) {
        throw Error(ErrorKind::sink,
                    "the command of --deliver failed for " + std::to_string(m_failures_in_a_row) +
                        " agents in a row; for " + m_refused.back().agent_id.text() + " " + m_refused.back().reason,
                    {.why = "so the command itself probably fails; all keys that may have arrived work",
                     .next = "fix the command, then run the same command again",
                     .changed = Changed::partly});
    }
}

void CommandBatches::forget() noexcept {
    m_calls.clear();
    m_refused.clear();
}

}  // namespace relay::cli
