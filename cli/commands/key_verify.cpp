#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/permissions.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/key_input.hpp"
#include "cli/output/output.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/inspect/verify_request.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::key_verify_command {

namespace {

constexpr std::size_t longest_request = 8'000'000;

struct Options {
    std::optional<std::string> agent{};
    std::optional<std::string> address{};
    std::optional<std::string> request{};
    std::vector<std::string> host_names{};
    std::optional<std::string> scheme{};
    bool from_proxy = false;
};

/// Returns the verdict if it needs no database: text that is not a key, or a token.
std::optional<KeyVerdict> refused_offline(KeyInput const &input) {
    if (!input.key) {
        return KeyVerdict::malformed;
    }
    switch (input.key->type()) {
        case KeyType::agent: break;
        case KeyType::org_admin: return KeyVerdict::admin_token;
        case KeyType::device: return KeyVerdict::device_token;
    }
    return std::nullopt;
}

Record verification_record(KeyVerification const &found, std::optional<KeyId> const &key_id) {
    return {
        people_only("Key", found.ok ? "accepted" : "refused: " + std::string(text_of(found.reason))),
        machine_only("ok", found.ok),
        machine_only("reason", found.reason),
        {"key_id", "Key ID", key_id},
        {"agent_id", "Agent ID", found.agent_id},
        {"org_id", "Org ID", found.org_id},
        {"expires_at", "Expires", found.expires_at},
        {"grants", found.agent_id ? "Permissions" : "", grant_records(found.grants)},
    };
}

Record finding_record(RequestFinding const &finding) {
    return {
        {"check", "Check", finding.check},
        {"result", "Result", finding.result},
        {"detail", "Detail", or_null(finding.detail)},
    };
}

Record request_record(RequestVerification const &found) {
    std::vector<Record> checks;
    std::transform(found.findings.begin(), found.findings.end(), std::back_inserter(checks), finding_record);
    bool const ok = found.reason == KeyVerdict::ok;
    return {
        people_only("Request", ok ? "accepted" : "refused: " + std::string(text_of(found.reason))),
        machine_only("ok", ok),
        machine_only("reason", found.reason),
        {"key_id", "Key ID", found.key_id},
        {"agent_id", "Agent ID", found.agent_id},
        {"org_id", "Org ID", found.org_id},
        {"algorithm", "Algorithm", found.algorithm},
        {"signed_at", "Signed", found.signed_at},
        {"checks", "Checks", std::move(checks)},
    };
}

signing::PublicSide public_side(Options const &options) {
    signing::PublicSide side{.scheme = options.scheme ? std::string_view(*options.scheme) : "https",
                             .is_proxied = options.from_proxy};
    for (std::string const &name : options.host_names) {
        try {
            side.authorities.push_back(signing::normal_authority(name, side.scheme));
        } catch (signing::Malformed const &) {
            throw Error(ErrorKind::usage,
                        "--host-name: " + quote_for_message(name) + " is not a host with an optional port");
        }
    }
    return side;
}

/// Reads a captured request; none if its form is refused, and `why` says why.
std::optional<signing::SignedRequest> read_request(Options const &options, std::string &why) {
    signing::PublicSide const side = public_side(options);
    std::string const text = read_trusted(*options.request, "--request", longest_request);
    try {
        return signing::read_signed_request(signing::parse_http_request(text), side);
    } catch (signing::Malformed const &error) {
        why = error.what();
        return std::nullopt;
    }
}

ExitStatus verify_captured(Options const &options, Context &context) {
    at_most_one({{"--request", true}, {"--agent", options.agent.has_value()}});
    at_most_one({{"--request", true}, {"--address", options.address.has_value()}});
    std::string why;
    auto const request = read_request(options, why);
    Document document{.kind = "RequestVerification", .id_key = "key_id"};
    RequestVerification found = request ? verify_request(context.database(), *request) : malformed_request(why);
    if (request) {
        stamp(document, context, found.at, found.db_role);
    } else {
        document.actor = context.attribution().actor.text();
        document.trace_id = context.attribution().trace_id;
    }
    document.data = request_record(found);
    context.output().show(document);
    return found.reason == KeyVerdict::ok ? ExitStatus::ok : ExitStatus::check_no;
}

ExitStatus run(Options const &options, Context &context) {
    if (options.request) {
        return verify_captured(options, context);
    }
    if (!options.host_names.empty() || options.scheme || options.from_proxy) {
        throw Error(ErrorKind::usage, "--host-name, --scheme and --from-proxy have no effect without --request",
                    {.next = "give the captured request with --request FILE"});
    }
    auto const agent = options.agent ? std::optional(AgentId::parse(*options.agent)) : std::nullopt;
    auto const address = options.address ? std::optional(IpRange::parse(*options.address)) : std::nullopt;
    KeyInput const input = read_key_from_stdin(context);
    auto const key_id = input.key ? std::optional(input.key->id()) : std::nullopt;

    Document document{.kind = "KeyVerification", .id_key = "key_id"};
    KeyVerification found;
    if (auto const reason = refused_offline(input)) {
        found.reason = *reason;
        document.actor = context.attribution().actor.text();
        document.trace_id = context.attribution().trace_id;
    } else {
        found = verify_key(context.database(), *input.key, agent, address);
        stamp(document, context, found.at, found.db_role);
    }
    if (!input.fault.empty()) {
        document.warnings.push_back(input.fault);
    }
    document.data = verification_record(found, key_id);
    context.output().show(document);
    return found.ok ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_agent_flag(set, "the agent whose key it should be", options->agent);
    add_value(set, {.names = "--address", .type = "ADDRESS", .description = "the address that a call would come from"},
              options->address);
    add_value(set, {.names = "--request", .type = "FILE", .description = "check a captured signed request; - is stdin"},
              options->request);
    add_values(set, {.names = "--host-name", .type = "NAME,...", .description = "the hosts that the gateway accepts"},
               options->host_names, Commas::split);
    add_choice(set, {.names = "--scheme", .description = "how agents reach the gateway (https)"}, {"https", "http"},
               options->scheme);
    add_flag(set, {.names = "--from-proxy", .description = "X-Forwarded-Host counts, as from a proxy that it names"},
             options->from_proxy);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "key verify",
    .summary = "check whether a gateway would accept a key",
    .doc =
        R"(Reads a key from stdin and shows whether a gateway would accept it now, whose key it is, and what its agent
may do: each permission, its conditions and the role it comes from. The check leaves no trace: it is not logged as a
use of the key. The key is never printed. At a terminal the command asks for it without showing what you type.

The input is the key alone, with at most one newline after it, or any text with exactly one key in it: the line
RELAY_API_KEY=... of an env file, or the JSON of --secret-format json. In a text, the command finds the key wherever
`revoke --scan` finds it: also behind escapes, line ends or base64.

With --address, the command also checks whether the policy of the agent accepts calls from that address. Without it,
addresses are not checked.

--request reads a signed request instead, as a proxy or a test has captured it. FILE has the first line, the headers and
the body, as text of HTTP/1.1. It makes the checks of a gateway in their order: form, window, body, state, signature and nonce. It
shows the result of each. The reason is that of the first check that fails. A request that was captured minutes ago is
too_old, but the other checks are still shown. Whether a nonce was used is not checked.

Give what the gateway knows of its place: --host-name its names, --scheme how agents reach it. Without --host-name any
host is accepted. --from-proxy is for a request that a trusted proxy has passed on. The agent has then signed the host
that X-Forwarded-Host names. If only the signature fails, the proxy may have changed the method, the path or the query.

Exit 0: accepted. 2: the input has no key, or several. 10: refused. The reason is one of the gateway's: unknown_key,
expired, retired, revoked, blocked, agent_mismatch, over_limit, signature_required or address_not_allowed. Three more need no database:
malformed (wrong form or checksum), admin_token (a token of an organization) and device_token (a token of a device).

EXAMPLES
  relay-admin key verify < payments.env
  relay-admin key verify --agent payments < payments.key
  # which check does a captured request fail?
  relay-admin key verify --request call.txt
  relay-admin key verify --request call.txt --host-name relay.example.com --from-proxy
  relay-admin key verify --address 192.0.2.7 < payments.key
  # in a script, after deploying a file
  relay-admin key verify -o json < payments.env
)",
    .declare = declare,
};

}  // namespace relay::cli::key_verify_command
