#include "cli/documents/init.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/output/output.hpp"

namespace relay::cli {

Record init_record(Initialized const &made) {
    Record record = created_agent_record(made.agent, made.key, made.delivered_to);
    append(record, {
                       machine_only("org_name", made.org.name),
                       machine_only("plan", made.org.plan),
                       machine_only("applied_migrations",
                                    std::vector<std::int64_t>(made.migrations.begin(), made.migrations.end())),
                   });
    return record;
}

void tell_next_steps(Initialized const &made, SinkOptions const &sink, Context &context) {
    Output &output = context.output();
    std::string const program = program_with_place(context.globals());
    std::string const &agent = made.agent.agent_id;
    if (context.globals().dry_run) {
        return;
    }
    if (made.delivered_to.empty()) {
        output.note((made.changed ? "the agent's key is unchanged: agent " : "nothing changed: agent ") + agent +
                    " exists already, as asked; its key cannot be shown again");
        output.note("a new key: " + program + " rotate-key " + agent);
        return;
    }
    if (!output.stdout_is_terminal()) {
        return;
    }
    std::string from_file;
    std::string to_file;
    if (sink.secret_file) {
        std::string const path = shell_word(*sink.secret_file);
        from_file = sink.secret_format == "sealed" || sink.secret_format == "k8s" ? "" : " < " + path;
        to_file =
            " --replace --secret-file " + path + (sink.secret_format ? " --secret-format " + *sink.secret_format : "");
        to_file += sink.seal_key ? " --seal-key " + shell_word(*sink.seal_key) : "";
    }
    output.note("next, would a gateway accept the key:");
    output.note("  " + program + " key verify" + from_file);
    output.note("once the agent runs, was it seen, and from where:");
    output.note("  " + program + " agent show " + agent);
    output.note("within " + describe_duration(made.agent.effective_key_max_age) +
                ", a new key; the old one works a day longer:");
    output.note("  " + program + " rotate-key " + agent + to_file);
}

}  // namespace relay::cli
