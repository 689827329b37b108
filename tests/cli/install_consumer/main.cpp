// consumer CONNINFO: a program outside the tree that makes an organization and an agent, and gets the agent's key on stdout.

#include <relay/identity/create_agent.hpp>
#include <relay/identity/create_org.hpp>

#include <iostream>

int main(int, char **argv) try {
    relay::db::Database database({.conninfo = argv[1]});
    relay::WriteOptions const options{.by = {.actor = relay::Note::parse("actor", "consumer")}};

    auto const org = relay::OrgId::parse("acme");
    relay::create_org(database, {.id = org, .name = relay::DisplayName::parse("Acme")}, options);

    relay::DeliverTo delivery([](std::string_view key) { std::cout << key << std::flush; });
    relay::create_agent(database,
                        {.id = relay::AgentId::parse_new("bot"), .org = org, .name = relay::DisplayName::parse("Bot")},
                        options, &delivery);
} catch (relay::Error const &error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.kind());
}
