#include "cli/sink/command/command_sink.hpp"

#include "cli/output/output.hpp"
#include "relay/crypto/random_ids.hpp"
#include "relay/model/error.hpp"

#include <span>

namespace relay::cli {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

void require_between(char const *flag, seconds value, seconds least, seconds most, std::string why) {
    if (value < least || value > most) {
        throw Error(ErrorKind::usage,
                    std::string(flag) + " must be between " + format_duration(least) + " and " + format_duration(most),
                    {.why = std::move(why)});
    }
}

}  // namespace

Staging staging_of(SinkOptions const &options) {
    Staging staging;
    staging.timeout = options.deliver_timeout.value_or(staging.timeout);
    staging.settle = options.settle.value_or(staging.settle);
    require_between("--deliver-timeout", staging.timeout, seconds(1), minutes(10),
                    "no later run confirms the key in that time");
    require_between("--settle", staging.settle, seconds(0), hours(24),
                    "every key that may have arrived works for that long");
    return staging;
}

CommandSink::CommandSink(SinkOptions const &options, Rendering rendering, Output &output)
    : m_staging(staging_of(options)),
      m_command{.text = *options.deliver, .limit = m_staging.timeout},
      m_read_back(options.read_back),
      m_rendering(std::move(rendering)),
      m_output(output) {
    m_command.said = [this](AgentId const &, std::string const &line) { m_output.note(line); };
}

OperationId CommandSink::prepare(NewKey const &issued) {
    AgentId const &agent = *issued.agent;
    m_call.emplace(DeliveryCall{
        .agent_id = agent,
        .variables = {"RELAY_AGENT_ID=" + agent.text(), "RELAY_ORG_ID=" + issued.org.text(),
                      "RELAY_OWNER=" + issued.owner.value_or(""), "RELAY_KEY_ID=" + issued.key.id().text()},
        .content = render_secret(m_rendering, issued, Medium::program)});
    return generate_operation_id();
}

void CommandSink::deliver() {
    auto const complaints = run_deliveries(m_command, std::span(&m_call.value(), 1));
    if (complaints.front()) {
        throw Error(ErrorKind::sink, *complaints.front());
    }
}

std::optional<StoreView> CommandSink::view() {
    return view_of_store(*m_read_back, m_call.value().agent_id, m_staging.timeout, m_output);
}

Advice CommandSink::again(AgentId const &agent) const { return advise(Act::deliver_key, agent.text(), m_command.text); }

}  // namespace relay::cli
