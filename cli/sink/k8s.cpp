#include "cli/sink/k8s.hpp"

#include "relay/model/error.hpp"

#include <algorithm>

namespace relay::cli {
namespace {

constexpr std::size_t name_limit = 253;
constexpr std::size_t label_limit = 63;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// The parts of a Secret's name may be longer than 63 characters: Kubernetes allows that, DNS does not.
bool is_name_part(std::string_view text) {
    return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; });
}

char to_name_character(char c) {
    if (c >= 'A' && c <= 'Z') {
        return static_cast<char>(c - 'A' + 'a');
    }
    return c == '_' ? '-' : c;
}

std::string made_to_name(std::string_view id) {
    std::string name(id);
    std::transform(name.begin(), name.end(), name.begin(), to_name_character);
    while (!name.empty() && name.back() == '-') {
        name.pop_back();
    }
    return name;
}

}  // namespace

bool is_k8s_name(std::string_view text) noexcept {
    if (text.size() > name_limit) {
        return false;
    }
    while (true) {
        auto const dot = text.find('.');
        if (!is_name_part(text.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_k8s_namespace(std::string_view text) noexcept { return text.size() <= label_limit && is_name_part(text); }

bool can_name_k8s(std::string_view id) { return is_k8s_name(made_to_name(id)); }

std::string k8s_name_for(std::string_view id) {
    std::string name = made_to_name(id);
    if (!is_k8s_name(name)) {
        throw Error(
            ErrorKind::usage, "the id " + std::string(id) + " cannot be turned into a Kubernetes name",
            {.why = "a name has only lower-case letters, digits, - and ., and begins and ends with a letter or digit",
             .next = "add --k8s-name NAME"});
    }
    return name;
}

SecretBuffer render_k8s(Rendering const &rendering, NewKey const &issued) {
    auto const is_agent = issued.agent != nullptr;
    auto const id = is_agent ? issued.agent->text() : issued.org.text() + "-admin";
    auto const name = rendering.k8s_name ? *rendering.k8s_name : k8s_name_for(id);
    // Quote every scalar: an id such as 123, 1e3 or null would otherwise have another YAML type.
    auto head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"" + name + "\"\n";
    if (rendering.k8s_namespace) {
        head += "  namespace: \"" + *rendering.k8s_namespace + "\"\n";
    }
    head += "  labels:\n    app.kubernetes.io/managed-by: relay-admin\ntype: Opaque\ndata:\n";
    auto const &prefix = rendering.env_prefix;
    if (is_agent) {
        auto const agent = base64_secret(issued.agent->text());
        head.append("  ").append(prefix).append("AGENT_ID: \"").append(agent.reveal()).append("\"\n");
    }
    auto const org = base64_secret(issued.org.text());
    head.append("  ").append(prefix).append("ORG_ID: \"").append(org.reveal()).append("\"\n");
    auto const secret = base64_secret(issued.key.reveal());
    return join_secret({head, "  ", prefix, is_agent ? "API_KEY: \"" : "ADMIN_TOKEN: \"", secret.reveal(), "\"\n"});
}

}  // namespace relay::cli
