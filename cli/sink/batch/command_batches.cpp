#include "cli/sink/batch/command_batches.hpp"

#include "cli/output/output.hpp"
#include "cli/posix/files.hpp"
#include "cli/sink/sink_error.hpp"
#include "relay/crypto/random_ids.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {
namespace {

constexpr std::size_t most_failures = 20;

}  // namespace

CommandBatches::CommandBatches(DeliveryCommand command, std::size_t jobs, Rendering rendering, Output &output)
    : m_command(std::move(command)), m_jobs(jobs), m_rendering(std::move(rendering)), m_output(output) {
    m_command.said = [this](AgentId const &agent, std::string const &line) {
        m_output.note(agent.text() + ": " + line);
    };
}

std::chrono::seconds CommandBatches::extra_time() const {
    return m_command.limit + std::chrono::seconds(5);  // commands that are late get a second to end
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

void CommandBatches::add(NewKey const &issued) {
    if (!m_operation) {
        m_operation = generate_operation_id();
    }
    AgentId const &agent = *issued.agent;
    m_calls.push_back(
        {.agent_id = agent,
         .variables = {"RELAY_AGENT_ID=" + agent.text(), "RELAY_ORG_ID=" + issued.org.text(),
                       "RELAY_OWNER=" + issued.owner.value_or(""), "RELAY_KEY_ID=" + issued.key.id().text()},
         .content = render_secret(m_rendering, issued, Medium::program)});
}

void CommandBatches::deliver() {
    auto const complaints = run_deliveries(m_command, m_calls);
    for (std::size_t i = 0; i < m_calls.size(); ++i) {
        if (complaints[i]) {
            m_refused.push_back({m_calls[i].agent_id, *complaints[i]});
        } else {
            m_delivered.push_back(m_calls[i].agent_id);
        }
    }
    stop_after_failures();
}

void CommandBatches::stop_after_failures() {
    if (!m_delivered.empty()) {
        m_failures_in_a_row = 0;
        return;
    }
    m_failures_in_a_row += m_refused.size();
    if (m_failures_in_a_row >= most_failures) {
        throw sink_refusal("the command of --deliver failed for " + std::to_string(m_failures_in_a_row) +
                               " agents in a row; for " + m_refused.back().agent_id.text() + " " +
                               m_refused.back().reason,
                           "so the command itself probably fails", "fix the command, then run the same command again");
    }
}

void CommandBatches::rolled_back() noexcept {
    tell_of_delivered("is not active and never will be: the next attempt delivers a new one");
    forget();
}

void CommandBatches::left_unknown() noexcept {
    tell_of_delivered("may or may not be active: run the same command again; it delivers a new one if it is not");
    forget();
}

void CommandBatches::tell_of_delivered(std::string const &fate) noexcept {
    try {
        for (auto const &agent : m_delivered) {
            m_output.warn("the key that the command got for " + agent.text() + " " + fate);
        }
    } catch (...) {
        // Out of memory for a text: nothing can be reported.
    }
}

void CommandBatches::forget() noexcept {
    m_calls.clear();
    m_refused.clear();
    m_delivered.clear();
    m_operation.reset();
}

}  // namespace relay::cli
