#include "cli/command_line/options.hpp"
#include "cli/sink/options.hpp"

#include <limits>

namespace relay::cli {
namespace {

constexpr std::string_view group = "Secret";

void declare_shape(OptionSet &set, SinkOptions &options) {
    add_flag(set,
             {.names = "--replace",
              .description = "replace an existing file; its old content stays until the commit",
              .group = group},
             options.replace);
    add_choice(set, {.names = "--secret-format", .description = "format of the secret (default: raw)", .group = group},
               {"raw", "env", "json", "k8s", "sealed"}, options.secret_format);
    add_value(set,
              {.names = "--env-prefix",
               .type = "PREFIX",
               .description = "prefix of the names in env and k8s (default: RELAY_)",
               .group = group},
              options.env_prefix);
    add_value(set,
              {.names = "--k8s-name",
               .type = "NAME",
               .description = "name of the Kubernetes Secret (default: made from the id)",
               .group = group},
              options.k8s_name);
    add_value(set,
              {.names = "--k8s-namespace",
               .type = "NAME",
               .description = "namespace of the Kubernetes Secret",
               .group = group},
              options.k8s_namespace);
    add_value(set,
              {.names = "--seal-key",
               .type = "FILE",
               .description = "public key for sealed: JSON {\"key_id\",\"key\"} as from the GitHub API; - reads stdin",
               .group = group},
              options.seal_key);
}

void declare_places(OptionSet &set, SinkOptions &options) {
    add_value(set,
              {.names = "--secret-file",
               .type = "FILE",
               .description = "write the secret to a new file of mode 0600",
               .group = group},
              options.secret_file);
    add_value(set,
              {.names = "--secrets-dir",
               .type = "DIR",
               .description = "write the secret to DIR/AGENT-ID.EXT, one file per agent",
               .group = group},
              options.secrets_dir);
    add_integer(set,
                {.names = "--secret-fd",
                 .type = "N",
                 .description = "write the secret to an inherited file descriptor",
                 .group = group},
                {.min = 0, .max = std::numeric_limits<int>::max()}, options.secret_fd);
    add_flag(set,
             {.names = "--secret-stdout",
              .description = "write only the secret to stdout; the summary goes to stderr",
              .group = group},
             options.secret_stdout);
    declare_shape(set, options);
}

void declare_delivery(OptionSet &set, SinkOptions &options) {
    add_value(set,
              {.names = "--deliver",
               .type = "CMD",
               .description = "run CMD with sh, with the secret on its stdin, for a store that is not a file",
               .group = group},
              options.deliver);
    add_duration(set,
                 {.names = "--deliver-timeout",
                  .description = "end CMD this long after the key is staged (default: 60s)",
                  .group = group},
                 options.deliver_timeout);
    add_duration(set,
                 {.names = "--settle",
                  .description = "how long after that the store may still take the key (default: 10m)",
                  .group = group},
                 options.settle);
    add_value(set,
              {.names = "--read-back",
               .type = "CMD",
               .description = "run CMD with sh; it prints the key that the store holds",
               .group = group},
              options.read_back);
    add_value(set,
              {.names = "--after",
               .type = "CMD",
               .description = "run CMD with sh, without the secret, when a delivery is confirmed",
               .group = group},
              options.after);
}

}  // namespace

void declare_sink(OptionSet &set, SinkOptions &options) {
    declare_places(set, options);
    declare_delivery(set, options);
}

void declare_batch_sink(OptionSet &set, BatchSinkOptions &options) {
    declare_places(set, options.sink);
    declare_delivery(set, options.sink);
    add_choice(set,
               {.names = "--group-by",
                .description = "use one folder per organization or owner in --secrets-dir",
                .group = group},
               {"org", "owner"}, options.group_by);
    add_value(set,
              {.names = "--seal-keys",
               .type = "FILE",
               .description = "public keys for sealed, one per owner: CSV or JSON lines of owner, key_id, key",
               .group = group},
              options.seal_keys);
    add_integer(set,
                {.names = "--deliver-jobs",
                 .type = "N",
                 .description = "how many commands run at the same time (default: 1)",
                 .group = group},
                {.min = 1, .max = 32}, options.deliver_jobs);
}

void declare_compact_sink(OptionSet &set, SinkOptions &options, std::string_view flag, std::string_view description) {
    add_value(set, {.names = flag, .type = "SINK", .description = description, .group = group}, options.compact);
    declare_shape(set, options);
}

}  // namespace relay::cli
