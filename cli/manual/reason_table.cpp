#include "cli/manual/reason_table.hpp"

#include <array>

namespace relay::cli {

namespace {

constexpr auto reasons = std::to_array<Reason>({
    // relay_api.authenticate, in the order of its checks
    {"ok", "the key is accepted", "nothing"},
    {"unknown_key",
     "no key has this id, or the secret behind the id is another one: a typing error, a cut key, a key of "
     "another database, or someone who guesses",
     "relay-admin key verify < FILE checks the key that the agent holds; many of these from one address are an attack"},
    {"expired", "the key is past its expiry by the database's clock, and its agent is locked out",
     "relay-admin rotate-key AGENT --force gives it a new key"},
    {"retired", "a rotation replaced the key and its grace is over, but someone still uses it",
     "give the agent its new key; if it has the new one, find out who else has the old one"},
    {"revoked", "the key, its agent or its organization was revoked; these keys never work again",
     "relay-admin agent show AGENT shows who revoked it and why; relay-admin restore AGENT accepts it again with a "
     "fresh "
     "key"},
    {"blocked", "the agent or its organization is blocked for now; the key itself is good",
     "relay-admin agent show AGENT shows who blocked it, why and until when; relay-admin unblock AGENT lifts the "
     "block"},
    {"agent_mismatch", "the key is good, but belongs to another agent than the caller says",
     "check which key the agent was given: relay-admin whois KEY-ID shows whose it is"},
    {"org_mismatch", "the agent belongs to another organization than the caller says",
     "check the organization's id in the caller's settings: relay-admin agent show AGENT shows it"},
    // relay_api.authenticate_legacy
    {"legacy_closed", "the window for the shared secret is over, or was never opened: no agent may use it",
     "give the agent its own key (relay-admin rotate-key AGENT), or open a window (relay-admin migrate-legacy start)"},
    {"own_key", "the agent has proved its own key, so the shared secret no longer counts for it",
     "let the agent use its own key; if it does already, someone else has the shared secret"},
    {"not_listed", "the agent is not on the list of those that may use the shared secret",
     "relay-admin rotate-key AGENT gives it its own key; relay-admin migrate-legacy status shows the list"},
    {"unknown_agent", "no agent has the id that the caller claims",
     "check the id in the caller's settings: relay-admin agent list shows all"},
    // relay_api.authenticate_anonymous
    {"unauthenticated", "a call without a key was accepted, because its organization does not require keys yet",
     "give its agents keys, then relay-admin org update ORG --auth-mode required"},
    {"key_required", "the call has no key, and its organization requires one",
     "give the agent its key: relay-admin rotate-key AGENT"},
    {"unknown_org", "no organization has the id that the caller claims",
     "check the id in the caller's settings: relay-admin org list shows all"},
    // relay_api.authorize
    {"permission_missing", "the agent is accepted, but may not do this",
     "relay-admin agent show AGENT lists what it may do; relay-admin agent grant AGENT PERMISSION adds to it"},
    // relay_api.take and hold
    {"over_quota", "the organization has used up its limit, of the day or of what it may hold at the same time",
     "relay-admin usage show ORG shows its limits, what is left, and when a day begins again"},
    {"provider_not_allowed", "the organization may not hold anything of this provider",
     "relay-admin org show ORG shows which providers it may use"},
    // key verify
    {"malformed", "the text is not a key: its form or its checksum is wrong, so it is cut, damaged or mistyped",
     "copy the whole key, 71 characters"},
    {"admin_token", "the text is an organization's admin token, not an agent's key",
     "use the agent's key; it begins with relay_sk_"},
    // key due
    {"age", "the key is as old as its agent or organization allows; it still works",
     "relay-admin rotate-key AGENT, or automate it with --due-within"},
    {"expiry", "the key ends at a time that was set on purpose",
     "decide whether the agent is still needed; relay-admin rotate-key AGENT --force renews an expired key"},
    {"delivery", "a staged key was delivered to a store, but no run has confirmed it; it works",
     "run the delivery again: relay-admin rotate-key AGENT --deliver CMD"},
    {"missing", "the agent's last key ended, or is about to end, and no other replaces it",
     "relay-admin rotate-key AGENT makes a new key"},
});

}  // namespace

std::span<Reason const> reason_table() { return reasons; }

}  // namespace relay::cli
