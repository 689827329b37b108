#include "cli/sink/command/command_sink.hpp"

#include "cli/output/command_text.hpp"
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

/// Returns the flags with which rotate-key delivers another key in the same way.
std::vector<std::string> flags_of(SinkOptions const &options) {
    std::vector<std::string> words = options.repeated;
    auto const add = [&words](char const *flag, std::optional<std::string> const &value) {
        if (value) {
            add_flag_words(words, flag, *value);
        }
    };
    auto const text = [](std::optional<seconds> const &value) {
        return value ? std::optional(format_duration(*value)) : std::nullopt;
    };
    add("--deliver", options.deliver);
    add("--deliver-timeout", text(options.deliver_timeout));
    add("--settle", text(options.settle));
    add("--read-back", options.read_back);
    add("--after", options.after);
    add("--secret-format", options.secret_format);
    add("--env-prefix", options.env_prefix);
    add("--k8s-name", options.k8s_name);
    add("--k8s-namespace", options.k8s_namespace);
    add("--seal-key", options.seal_key);
    return words;
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

DeliveryCall delivery_call(NewKey const &issued, Rendering const &rendering) {
    AgentId const &agent = *issued.agent;
    return {.agent_id = agent,
            .variables = {"RELAY_AGENT_ID=" + agent.text(), "RELAY_ORG_ID=" + issued.org.text(),
                          "RELAY_OWNER=" + issued.owner.value_or(""), "RELAY_KEY_ID=" + issued.key.id().text()},
            .content = render_secret(rendering, issued, Medium::program)};
}

CommandSink::CommandSink(SinkOptions const &options, Rendering rendering, Output &output)
    : m_staging(staging_of(options)),
      m_command{.text = *options.deliver, .limit = m_staging.timeout},
      m_read_back(options.read_back),
      m_flags(flags_of(options)),
      m_rendering(std::move(rendering)),
      m_output(output) {
    m_command.said = [this](AgentId const &, std::string const &line) { m_output.note(line); };
}

OperationId CommandSink::prepare(NewKey const &issued) {
    m_call.emplace(delivery_call(issued, m_rendering));
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

Advice CommandSink::again(AgentId const &agent) const {
    std::vector<std::string> words{"rotate-key", agent.text()};
    words.insert(words.end(), m_flags.begin(), m_flags.end());
    return own_command(std::move(words));
}

}  // namespace relay::cli
