#include "cli/command.hpp"

namespace relay::cli::registry_command {

extern Command const command;
Command const command{
    .path = "registry",
    .summary = "show which agents run now, and what they can do",
    .doc =
        R"(An agent that starts registers with its gateway. It sends its card, which says what it can do and where it
answers. From then on it has a lease, which it renews with a beat every third of it. An agent whose lease has ended does
not run, and no other agent finds it. Nothing declares an agent dead. Two beats can be lost before that happens.

A card is kept, so an agent that was away comes back with its next beat. Agents find only agents of their organization.
)",
    .audience = Audience::tenants,
};

}  // namespace relay::cli::registry_command
