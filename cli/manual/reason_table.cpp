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
    {"address_not_allowed", "the key is good, but its agent may not call from this address",
     "relay-admin policy show AGENT shows the addresses; relay-admin policy set AGENT --allow CIDR,... changes them"},
    {"agent_mismatch",
     "the key is good, but belongs to another agent than the caller says; or a message says that another agent of its "
     "organization sent it",
     "check which key the agent was given: relay-admin whois KEY-ID shows whose it is"},
    {"org_mismatch", "the agent belongs to another organization than the caller says",
     "check the organization's id in the caller's settings: relay-admin agent show AGENT shows it"},
    {"over_limit",
     "the key is good, but the organization has more agents than its plan allows, and this one has no seat; nothing is "
     "deleted. When a device is paired: the organization has as many devices as its limit allows, or the agent has no "
     "seat",
     "relay-admin org seats ORG shows which agents stay; relay-admin agent keep AGENT moves one to the front; a larger "
     "plan or limit (relay-admin org update) accepts all of them again. For devices: relay-admin device list --org ORG "
     "shows them; revoke those that no one uses, or allow more with relay-admin org update ORG --limit devices=N"},
    {"signature_required",
     "the call shows a bearer key, the shared secret or nothing, but the policy of its agent requires signed calls",
     "let the agent sign: relay-admin-signing(7) says how; relay-admin policy show AGENT shows where the setting comes "
     "from, and relay-admin policy set AGENT --signing either accepts both for a while"},
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
    // relay_api.pair_start, pair_redeem and device_refresh
    {"wrong_code",
     "the code is mistyped, unknown, expired or used, or five wrong ones came before it: the answer is the same for "
     "all, so "
     "that no one can find out which codes exist",
     "show a new code to the owner, and let the owner type it within ten minutes"},
    {"id_taken", "another code begins with the same four characters", "the gateway makes another code and tries again"},
    {"unknown_token",
     "the device has never had this refresh token, or a failover lost it; the one before it may still work",
     "the client shows the token that it had before; if that one is unknown, too, pair the device again"},
    {"again", "another tab has refreshed the device within ten seconds: this one is accepted, without a new token",
     "nothing: the tabs share the new token"},
    {"replaced", "the last answer to the device was lost: its token is void, and a new one was made", "nothing"},
    {"reused",
     "a refresh token came again after its successor was used: two hold the tokens of the device, so it was revoked",
     "relay-admin device show DEVICE shows the addresses; pair the device again, with a new code"},
    {"bad_next", "the gateway gave a new token that the device has now or had before; nothing was changed",
     "the gateway must make each token new, at random"},
    // relay_api.authorize
    {"permission_missing", "the agent is accepted, but may not do this",
     "relay-admin agent show AGENT lists what it may do; relay-admin agent grant AGENT PERMISSION adds to it"},
    // relay_api.take and hold
    {"over_quota", "the organization has used up its limit, of the day or of what it may hold at the same time",
     "relay-admin usage show ORG shows its limits, what is left, and when a day begins again"},
    {"provider_not_allowed", "the organization may not hold anything of this provider",
     "relay-admin org show ORG shows which providers it may use"},
    // relay_api.lease_rate
    {"rate_exceeded", "gateways refused calls of the agent, because it calls more often than its limit allows",
     "relay-admin policy show AGENT shows the limit; relay-admin policy set AGENT --qps N changes it"},
    // signed calls: authenticate_signed, and what gateways report with report_violation
    {"bad_signature",
     "the key id is known, but the signature is not one of that key for this request; a key id is public, so anyone "
     "can "
     "cause it",
     "relay-admin key verify --request FILE shows what is wrong in a captured request; many of these from one address "
     "are an attack"},
    {"digest_mismatch", "the body of the call is not the one that was signed: something changed it on the way",
     "find the proxy that changes or compresses the body, and put it behind the gateway"},
    // relay_api.use_nonce
    {"replayed", "a signed call with this nonce was accepted before: a client repeats it, or someone has recorded it",
     "let the client sign each attempt anew, with a fresh nonce"},
    {"too_old",
     "the call was signed too long ago, or before the database began to keep nonces (after a crash or failover)",
     "let the client sign again; if it happens all the time, check the clock of the client"},
    {"too_early", "the call was signed for a time too far ahead of the clock of the database",
     "check the clock of the client, then that of the database server"},
    // relay_api.register and heartbeat
    {"card_invalid", "the agent sent a card that the registry does not accept; the answer has all problems",
     "relay-admin registry check FILE names the problems of a card"},
    {"register", "the registry has no card of the agent, so a beat is not enough (after a restore, for instance)",
     "the agent must register again, with its card"},
    // relay_api.check_envelope and refuse_message
    {"tenant_mismatch",
     "a message says that another organization sent it: one agent poses as an agent of another tenant, or its "
     "environment is wrong",
     "relay-admin audit list --action message_refused shows which agent; relay-admin agent env AGENT shows what it "
     "should "
     "have; relay-admin block AGENT stops it meanwhile"},
    {"envelope_invalid", "the envelope of a message breaks a rule, so the receiver did not handle the message",
     "relay-admin schema json message-envelope has the rules; the receiver knows each problem"},
    {"stale", "the time of a message is too far from the clock of the receiver: it waited too long, or was sent again",
     "check the clocks of sender and receiver; relay-admin policy show AGENT shows the window"},
    {"unverified",
     "the policy of the sender says that messages must be signed, and no signature of this message was checked: none "
     "can be checked yet",
     "if the broker proves who sends, relay-admin policy set --org ORG --messages optional accepts unsigned messages"},
    // key verify; use_nonce says it of a nonce, and gateways of a signed call
    {"malformed",
     "the text is not a key: its form or its checksum is wrong, so it is cut, damaged or mistyped; or a nonce does not "
     "have 8 to 64 bytes; or a signed call lacks a part, has one twice, or shows a second credential",
     "copy the whole key, 71 characters; for a signed call, relay-admin key verify --request FILE names the part"},
    {"admin_token", "the text is an organization's admin token, not an agent's key",
     "use the agent's key; it begins with relay_sk_"},
    {"device_token", "the text is a refresh token of a device, not an agent's key",
     "use the agent's key; it begins with relay_sk_; if the token leaked, relay-admin revoke --device DEVICE"},
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
