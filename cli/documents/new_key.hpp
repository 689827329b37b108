#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/sink/sink.hpp"
#include "relay/identity/records.hpp"

#include <memory>
#include <string>

namespace relay::cli {

/// Opens the sink that `options` name, and settles what a killed run left there (not in a dry run, which changes
/// nothing). Throws like open_sink, before the database is touched, and like settle_content.
std::unique_ptr<Sink> open_settled_sink(Context &context, SinkOptions const &options);

/// Does the same for a secret that is made only on request (--admin-token SINK); returns null if it is not requested.
/// Throws Error (usage) for flags of the secret if no place for it is given.
std::unique_ptr<Sink> open_settled_token_sink(Context &context, SinkOptions const &options);

/// Returns where a secret went: `secret` (always null, because only the sink gets it), `delivered_to`, and for people a
/// line `label`, "written to payment.env (mode 0600)". `delivered_to` is KeyDelivery::destination(), or empty.
Record delivery_record(std::string const &label, std::string const &delivered_to);

/// Returns a key just issued to an agent, in the order that people need: org, agent, key id, where the secret went,
/// when it is due. All null if there is no key.
Record new_key_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to);

/// Returns the machine fields of new_key_record about the key, without its owner: `key_id`, `secret`, `delivered_to`,
/// `due_at`, `expires_at`.
Record machine_key_record(std::optional<Key> const &key, std::string const &delivered_to);

/// Returns an agent just created with its first key: new_key_record, and for machines the other fields of an agent.
Record created_agent_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to);

/// Returns an organization's admin token if one was made and delivered by `sink`; otherwise nulls.
Record token_record(std::optional<KeyId> const &token, Sink const *sink, Globals const &globals);

}  // namespace relay::cli
