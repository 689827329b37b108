#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/plan.hpp"
#include "cli/plans/limit_flags.hpp"

#include <memory>

namespace relay::cli::plan_create_command {

namespace {

struct Options {
    SpelledId plan{};
    std::optional<std::string> name{};
    std::vector<std::string> limits{};
};

ExitStatus run(Options const &options, Context &context) {
    CreatePlan const request{.id = PlanId::parse(options.plan.required()),
                             .name = DisplayName::parse(options.name.value()),
                             .limits = parse_limits(options.limits, LimitOwner::plan)};
    show_changed_plan(context, "PlanCreation", create_plan(context.database(), request, context.write_options()),
                      "already exists as requested");
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_new_plan(set, options->plan);
    add_value(set, {.names = "--name", .description = "display name", .required = true}, options->name);
    add_limits(set, LimitOwner::plan, options->limits);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "plan create",
    .summary = "create a plan",
    .doc =
        R"(Creates a plan. --limit sets how much of a meter an organization on it may use. The meters are agents,
devices, messages, api_calls, compute_ms, ai_tokens, storage_mb, vms and agent_qps. A meter that you do not name has no
limit.

An id has 1 to 63 characters from a-z, 0-9, - and _, and begins with a letter or digit. Running the command again with
the same content changes nothing ("changed": false).

Exit 0: created, or it already existed as requested. 2: no such meter, or not an amount. 5: the id exists with other
content; the message names the fields that differ.

EXAMPLES
  relay-admin plan create team --name Team --limit agents=25 --limit messages=100000
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::plan_create_command
