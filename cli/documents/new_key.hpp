#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/sink/sink.hpp"
#include "relay/identity/records.hpp"

#include <memory>
#include <string>

namespace relay::cli {

/// The sink that `options` name, with what a killed run left there settled (not in a dry run, which changes nothing).
/// Throws as open_sink, before the database is touched, and as settle_content.
std::unique_ptr<Sink> open_settled_sink(Context &context, SinkOptions const &options);

/// The same for a secret that is made only when asked for (--admin-token SINK): null if it is not.
/// Throws Error (usage) for flags of the secret without a place for it.
std::unique_ptr<Sink> open_settled_token_sink(Context &context, SinkOptions const &options);

/// Where a secret went: `secret` (always null: it has left by its sink), `delivered_to`, and for people a line `label`,
/// "written to payment.env (mode 0600)". `delivered_to` is KeyDelivery::destination(), or empty.
Record delivery_record(std::string const &label, std::string const &delivered_to);

/// A key just issued to an agent, in the order in which people want it: org, agent, key id, where the secret went, when
/// it is due. Nulls without a key.
Record new_key_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to);

/// What new_key_record tells machines of the key itself, without its owner: `key_id`, `secret`, `delivered_to`,
/// `due_at`, `expires_at`.
Record machine_key_record(std::optional<Key> const &key, std::string const &delivered_to);

/// An agent just made with its first key: new_key_record, and for machines what else an agent has.
Record created_agent_record(Agent const &agent, std::optional<Key> const &key, std::string const &delivered_to);

/// An organization's admin token, if one was made and delivered by `sink`; nulls otherwise.
Record token_record(std::optional<KeyId> const &token, Sink const *sink, Globals const &globals);

}  // namespace relay::cli
