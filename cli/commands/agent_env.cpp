#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/environment/appended.hpp"
#include "cli/environment/names.hpp"
#include "cli/environment/place.hpp"
#include "cli/environment/registry_url.hpp"
#include "cli/environment/render.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/k8s.hpp"
#include "relay/model/error.hpp"
#include "relay/queues/agent_context.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::agent_env_command {

namespace {

constexpr std::chrono::seconds default_lease{60};
constexpr std::chrono::seconds shortest_lease{10};
constexpr std::chrono::seconds longest_lease = std::chrono::minutes(10);

struct Options {
    SpelledId agent{};
    std::optional<std::string> registry_url{};
    std::optional<std::string> format{};
    std::optional<std::string> prefix{};
    std::optional<std::chrono::seconds> lease{};
    std::optional<std::string> append{};
    std::optional<std::string> k8s_name{};
    std::optional<std::string> k8s_namespace{};
    EnvironmentPlace place{};
};

/// What the command line asks for, checked.
struct Request {
    AgentId agent;
    EnvironmentFormat format = EnvironmentFormat::env;
    std::optional<std::string> url{};
    std::chrono::seconds lease = default_lease;
};

Request check(Options const &options) {
    Request request{.agent = AgentId::parse(options.agent.required()),
                    .format = environment_format(options.format.value_or("env")),
                    .url = registry_url(options.registry_url),
                    .lease = options.lease.value_or(default_lease)};
    bool const is_k8s = request.format == EnvironmentFormat::k8s;
    require_partner("--k8s-name", options.k8s_name.has_value(), "--format k8s", is_k8s);
    require_partner("--k8s-namespace", options.k8s_namespace.has_value(), "--format k8s", is_k8s);
    if (options.append && !options.place.asked()) {
        throw Error(
            ErrorKind::usage, "--append needs a place for secrets",
            {.why = "the lines of its file may be secret, and stdout could end up in a log",
             .next = "add --secret-file FILE, --secret-fd N, --deliver CMD, or --secret-stdout if the text is for "
                     "the reader of this pipe"});
    }
    if (options.prefix && !is_variable_prefix(*options.prefix)) {
        throw Error(
            ErrorKind::usage, "--prefix is not a valid prefix of environment variables",
            {.why = "use at most 64 letters, digits and _, and no digit first", .next = "for example --prefix RELAY_"});
    }
    if (request.lease < shortest_lease || request.lease > longest_lease) {
        throw Error(ErrorKind::usage, "--lease must be between 10s and 10m",
                    {.why = "the registry gives no other lease"});
    }
    if (options.k8s_name && !is_k8s_name(*options.k8s_name)) {
        throw Error(ErrorKind::usage, "--k8s-name is not a valid name in Kubernetes");
    }
    if (options.k8s_namespace && !is_k8s_namespace(*options.k8s_namespace)) {
        throw Error(ErrorKind::usage, "--k8s-namespace is not a valid namespace of Kubernetes");
    }
    check_place(options.place);
    return request;
}

/// In the order in which they are written.
std::vector<std::string> names_of(Request const &request, std::string const &prefix) {
    std::vector<std::string> names{
        prefix + "TENANT_ID",    "AGENT_ID", "AGENT_NAME", "SERVICEBUS_QUEUE_NAME", "SERVICEBUS_DEDICATED_QUEUE",
        prefix + "LEASE_SECONDS"};
    if (request.url) {
        names.push_back(prefix + "REGISTRY_URL");
    }
    return names;
}

/// The values of these names.
std::vector<std::string> values_of(Request const &request, AgentContext const &agent) {
    std::vector<std::string> values{agent.org_id.text(), agent.agent_id.text(), agent.name,
                                    agent.queue,         agent.dedicated_queue, std::to_string(request.lease.count())};
    if (request.url) {
        values.push_back(*request.url);
    }
    return values;
}

void warn(Output &output, Request const &request, std::string const &prefix, std::vector<Variable> const &variables) {
    bool const has_url = std::any_of(variables.begin(), variables.end(), [&](Variable const &variable) {
        return variable.name == prefix + "REGISTRY_URL";
    });
    if (!has_url) {
        output.warn(prefix + "REGISTRY_URL is left out: give --registry-url URL, or set RELAY_ADMIN_REGISTRY_URL");
    }
    std::string changed;
    for (Variable const &variable : variables) {
        if (request.format == EnvironmentFormat::env && is_changed_by_compose(variable.value)) {
            changed.append(changed.empty() ? "" : ", ").append(variable.name);
        }
    }
    if (!changed.empty()) {
        output.warn("Docker Compose would change the value of " + changed +
                    ": write format: raw in its env_file, or use docker run --env-file");
    }
}

ExitStatus run(Options const &options, Context &context) {
    Request const request = check(options);
    std::string const prefix = options.prefix.value_or("FLOWGRID_");
    std::vector<std::string> const names = names_of(request, prefix);
    std::optional<AppendedVariables> appended;
    if (options.append) {  // before the database is asked
        appended.emplace(read_appended(context, *options.append, names));
    }
    AgentContext const agent = agent_context(context.database(), request.agent);
    std::vector<std::string> const values = values_of(request, agent);
    std::vector<Variable> variables;
    std::transform(names.begin(), names.end(), values.begin(), std::back_inserter(variables),
                   [](std::string const &name, std::string const &value) {
                       return Variable{name, value};
                   });
    if (appended) {
        variables.insert(variables.end(), appended->variables.begin(), appended->variables.end());
    }
    ManifestForm manifest{.name_space = options.k8s_namespace, .secret = appended.has_value()};
    if (request.format == EnvironmentFormat::k8s) {  // not the name of the Secret with the key of the agent
        manifest.name = options.k8s_name ? *options.k8s_name : k8s_name_for(agent.agent_id.text() + "-env");
    }
    SecretBuffer text = render_environment(request.format, variables, manifest);
    warn(context.output(), request, prefix, variables);
    if (!options.place.asked()) {
        context.output().print(text.reveal());
    } else if (context.globals().dry_run) {
        context.output().note("would write the environment of agent " + agent.agent_id.text());
    } else {
        std::string const where = put_into_place(
            context, options.place, agent, appended ? appended->variables : std::vector<Variable>(), std::move(text));
        context.output().note("wrote the environment of agent " + agent.agent_id.text() + " to " + where);
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent(set, options->agent);
    add_value(set,
              {.names = "--registry-url",
               .type = "URL",
               .description = "address of the registry (default: RELAY_ADMIN_REGISTRY_URL)"},
              options->registry_url);
    add_choice(set, {.names = "--format", .description = "how the variables are written (default: env)"},
               environment_formats(), options->format);
    add_value(set, {.names = "--prefix", .type = "PREFIX", .description = "prefix of the names (default: FLOWGRID_)"},
              options->prefix);
    add_duration(set, {.names = "--lease", .description = "lease in the registry, from 10s to 10m (default: 60s)"},
                 options->lease);
    add_value(set,
              {.names = "--append",
               .type = "FILE",
               .description = "add the NAME=VALUE lines of FILE, which may be secret; - reads stdin"},
              options->append);
    add_value(set,
              {.names = "--k8s-name",
               .type = "NAME",
               .description = "name of the manifest (default: the agent's id and -env)"},
              options->k8s_name);
    add_value(set, {.names = "--k8s-namespace", .type = "NAME", .description = "namespace of the manifest"},
              options->k8s_namespace);
    declare_place(set, options->place);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent env",
    .summary = "print the environment of an agent's process",
    .doc =
        R"(Prints the variables that the process of an agent needs at its start and that are not secret. The same database
always gives the same bytes, so a deployment can compare them.

  FLOWGRID_TENANT_ID          its organization
  AGENT_ID, AGENT_NAME        its id, and its name for people
  FLOWGRID_REGISTRY_URL       --registry-url, or RELAY_ADMIN_REGISTRY_URL; left out, with a warning, if neither is set
  SERVICEBUS_QUEUE_NAME       the queue for all agents of the organization (`queue name`)
  SERVICEBUS_DEDICATED_QUEUE  the queue of this agent
  FLOWGRID_LEASE_SECONDS      --lease

The formats differ in quoting. Choose the one of the program that reads it:

  env      docker run --env-file; in Docker Compose write format: raw, or Compose changes quotes and $ in a name
  sh       . FILE in any POSIX shell
  systemd  EnvironmentFile=
  k8s      a ConfigMap for envFrom, or with --append a Secret
  json     one object

Secrets never go to stdout by accident. --append FILE adds the lines of a file, such as the connection string of a broker.
It needs a place: --secret-file, --secret-fd, --secret-stdout or --deliver. That place then gets the whole text. A
line of FILE is NAME=VALUE. The value is all after the equals sign, without quotes: the command adds those that the
format needs. A name that is there twice is refused. CMD of --deliver gets RELAY_AGENT_ID and RELAY_ORG_ID in its
environment.

The key of the agent is not part of it: `rotate-key` delivers that. It also works on a standby.

Exit 0: printed or written. 2: FILE has a line that is not NAME=VALUE, a NUL, or a name twice. 3: no such agent; the error suggests similar ids. 12: the place did not take the text.

EXAMPLES
  relay-admin agent env billing-bot --registry-url https://relay.example.com
  # with the connection string of a broker
  relay-admin agent env billing-bot --format systemd --secret-file billing.env --append broker.env
  # what a deployment has is still right
  relay-admin agent env billing-bot --format sh | diff billing.sh -
)",
    .declare = declare,
    .prints = Prints::text,
};

}  // namespace relay::cli::agent_env_command
