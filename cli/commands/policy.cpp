#include "cli/command.hpp"

namespace relay::cli::policy_command {

extern Command const command{
    .path = "policy",
    .summary = "set and show from where and how often agents may call",
    .doc =
        R"(A policy has settings, a limit of calls per second, and a list of addresses. You set it for an agent, for an
organization, or for the platform. The nearest one counts: that of the agent, else of the organization, else of the
platform. Gateways obey a change from the next call on. Connections that are open stay open.

The settings `window` and `require-nonce` are for signed calls. A setting with an end (--until) only tightens: while it
lasts, the stricter value counts in its whole scope. Each setting with a value is a change with an id, which `policy
undo` takes back. How old keys may get is not a part of the policy: see `key due`.
)",
    .audience = Audience::tenants,
    .rank = 3,
};

}  // namespace relay::cli::policy_command
