#include "cli/documents/init.hpp"

#include "cli/documents/fields.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/output/command_text.hpp"
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
    std::string const &agent = made.agent.agent_id.text();
    auto const line = [&](std::vector<std::string> const &words) { return command_line(context.globals(), words); };
    if (context.globals().dry_run) {
        return;
    }
    if (made.delivered_to.empty()) {
        output.note((made.changed ? "the agent's key is unchanged: agent " : "nothing changed: agent ") + agent +
                    " already exists as requested; its key cannot be shown again");
        output.note("to give it a new key: " + line({"rotate-key", agent}));
        return;
    }
    if (!output.stdout_is_terminal()) {
        return;
    }
    std::string from_file;
    std::vector<std::string> rotate{"rotate-key", agent};
    if (sink.secret_file) {
        from_file =
            sink.secret_format == "sealed" || sink.secret_format == "k8s" ? "" : " < " + shell_word(*sink.secret_file);
        rotate.emplace_back("--replace");
        add_flag_words(rotate, "--secret-file", *sink.secret_file);
        if (sink.secret_format) {
            add_flag_words(rotate, "--secret-format", *sink.secret_format);
        }
        if (sink.seal_key) {
            add_flag_words(rotate, "--seal-key", *sink.seal_key);
        }
    }
    output.note("next: check that a gateway would accept the key:");
    output.note("  " + line({"key", "verify"}) + from_file);
    output.note("when the agent runs, check when and from where it was seen:");
    output.note("  " + line({"agent", "show", agent}));
    auto const age = made.agent.effective_key_max_age;
    output.note((age ? "within " + describe_duration(*age) : std::string("from time to time")) +
                ", give it a new key (the old one works for one more day):");
    output.note("  " + line(rotate));
}

}  // namespace relay::cli
