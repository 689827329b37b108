#include "cli/documents/new_key.hpp"

#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/identity/recover.hpp"

namespace relay::cli {

namespace {

std::string describe_destination(std::string const &delivered_to) {
    constexpr std::string_view file = "file:";
    constexpr std::string_view descriptor = "fd:";
    if (delivered_to.starts_with(file)) {
        return "written to " + delivered_to.substr(file.size()) + " (mode 0600)";
    }
    if (delivered_to.starts_with(descriptor)) {
        return "written to file descriptor " + delivered_to.substr(descriptor.size());
    }
    return delivered_to == "command" ? "delivered by the command" : "written to " + delivered_to;
}

}  // namespace

std::unique_ptr<Sink> open_settled_sink(Context &context, SinkOptions const &options) {
    auto sink = open_sink(options, context.output());
    if (!context.globals().dry_run) {
        settle_sink(context, *sink);
    }
    return sink;
}

std::unique_ptr<Sink> open_settled_token_sink(Context &context, SinkOptions const &options) {
    if (options.asked()) {
        return open_settled_sink(context, options);
    }
    if (options.replace || options.secret_format || options.env_prefix || options.k8s_name || options.k8s_namespace ||
        options.seal_key) {
        throw Error(ErrorKind::usage, "flags for the secret have no effect without --admin-token",
                    {.next = "add --admin-token SINK, or omit them"});
    }
    return nullptr;
}

Record delivery_record(std::string const &label, std::string const &delivered_to) {
    Record record{machine_only("secret", Value()), machine_only("delivered_to", or_null(delivered_to))};
    if (!delivered_to.empty() && delivered_to != "terminal") {  // the terminal shows it just above
        record.push_back(people_only(label, describe_destination(delivered_to)));
    }
    return record;
}

Record new_key_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to) {
    Record record{
        {"org_id", "Org ID", agent.org_id},
        {"agent_id", "Agent ID", agent.agent_id},
        {"key_id", "Key ID", value_of(key, &Key::key_id)},
    };
    append(record, delivery_record("API Key", delivered_to));
    record.push_back({"due_at", "Due", value_of(key, &Key::due_at)});
    record.push_back({"expires_at", "Expires", value_of(key, &Key::expires_at)});
    return record;
}

Record machine_key_record(std::optional<Key> const &key, std::string const &delivered_to) {
    return {
        machine_only("key_id", value_of(key, &Key::key_id)),
        machine_only("secret", Value()),
        machine_only("delivered_to", or_null(delivered_to)),
        machine_only("due_at", value_of(key, &Key::due_at)),
        machine_only("expires_at", value_of(key, &Key::expires_at)),
    };
}

Record created_agent_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to) {
    Record record = new_key_record(agent, key, delivered_to);
    for (Field &field : agent_record(agent)) {
        if (field.key != "org_id" && field.key != "agent_id") {
            record.push_back(machine_only(std::move(field.key), std::move(field.value)));
        }
    }
    return record;
}

Record token_record(std::optional<KeyId> const &token, Sink const *sink, Globals const &globals) {
    bool const made = token.has_value() && sink != nullptr;
    Record record{{"admin_token_id", "Admin token ID", made ? Value(token->text()) : Value()}};
    append(record, delivery_record("Admin token", made && !globals.dry_run ? sink->destination() : ""));
    return record;
}

}  // namespace relay::cli
