#include "relay/identity/rotate_key.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/operations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

using std::chrono::seconds;

seconds age(Key const &key, Instant now) { return std::chrono::floor<seconds>(now - key.created_at); }

/// Returns why the current key may stay, or an empty text if it must be rotated.
std::string reason_to_keep(RotateKey const &request, std::optional<Key> const &active, Instant now) {
    if (!active || !active->live()) {
        return {};
    }
    if (request.if_older_than && age(*active, now) < *request.if_older_than) {
        return fmt::format("key {} is {} old (limit {})", active->key_id, describe_duration(age(*active, now)),
                           describe_duration(*request.if_older_than));
    }
    if (request.due_within && active->due_at > now + *request.due_within) {
        return fmt::format("key {} is due at {}", active->key_id, format_instant_seconds(active->due_at));
    }
    return {};
}

/// Returns one line with everything that makes one request different from another.
std::string canonical_parameters(RotateKey const &request) {
    auto const text = [](std::optional<seconds> const &duration) {
        return duration ? format_duration(*duration) : std::string("-");
    };
    return fmt::format(
        "rotate-key {} grace={} if-older-than={} due-within={} retire-on-first-use={} force={} own-key={}",
        request.agent.text(), format_duration(request.grace), text(request.if_older_than), text(request.due_within),
        request.retire_on_first_use, request.force, request.own_key != nullptr ? request.own_key->id().text() : "-");
}

/// One rotation inside its transaction.
class Rotation {
  public:
    Rotation(db::Transaction &transaction, RotateKey const &request, Attribution const &by)
        : m_transaction(transaction), m_request(request), m_by(by), m_agent(lock(transaction, request.agent, m_keys)) {}

    RotatedKey run(ApiKey const &new_key, DeliverThenCommit &delivery_commit) {
        OrgId const org = m_agent.org_id;
        OperationId const &operation = delivery_commit.prepare({.org = org, .agent = &m_request.agent, .key = new_key});
        if (m_request.request && repeated(org, operation, new_key)) {
            return keep("this request was done before");
        }
        if (m_agent.status == Status::revoked) {
            throw Error(ErrorKind::conflict, fmt::format("agent {} is revoked; nothing was changed", m_agent.agent_id),
                        {.why = "restore the agent first: that gives it a new key",
                         .next = advise(Act::restore_agent, m_agent.agent_id)});
        }
        if (is_own_key_again(new_key)) {
            return keep(fmt::format("key {} is already the active key", new_key.id().text()));
        }
        if (std::string const reason = reason_to_keep(m_request, m_keys.active, m_transaction.now()); !reason.empty()) {
            return keep(reason);
        }
        replace(new_key);
        if (!m_request.request) {
            m_transaction.record_operation(operation);
        }
        confirm_replaced(new_key);
        return m_result;
    }

  private:
    /// Waits for other rotations of the agent, then reads it and its keys.
    static Agent lock(db::Transaction &transaction, AgentId const &id, sql::CurrentKeys &keys) {
        sql::send_agent_lock(transaction, id);
        auto const current = sql::ask_current_keys(transaction, id);
        Agent agent = sql::get_agent(transaction, id);
        keys = current.get();
        return agent;
    }

    bool repeated(OrgId const &org, OperationId const &operation, ApiKey const &new_key) {
        std::string const parameters = canonical_parameters(m_request);
        auto const earlier =
            sql::claim_request(m_transaction, operation, org, *m_request.request, parameters, new_key.id());
        if (!earlier) {
            return false;
        }
        if (earlier->parameters != parameters) {
            throw Error(ErrorKind::conflict,
                        fmt::format("request {} was used before, for: {}; nothing was changed",
                                    m_request.request->text(), earlier->parameters),
                        {.next = "use a new UUID for a new request"});
        }
        // Any login that may rotate can write such a row. It counts only if this login wrote it, for this agent.
        auto const key = earlier->key_id ? sql::find_key(m_transaction, *earlier->key_id) : std::nullopt;
        if (earlier->db_role != m_transaction.db_role() || !key || key->org_id != org ||
            key->agent_id != m_request.agent) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("request {} was recorded by role {} for {}; nothing was changed", m_request.request->text(),
                            earlier->db_role,
                            key ? "a key of agent " + key->agent_id.text() : "a key that is not there"),
                {.why = "this login made no such request for this agent", .next = "use a new UUID for a new request"});
        }
        m_keys.active = key;
        return true;
    }

    /// Returns true if the caller's own key is already the agent's active key: this is a retry of a rotation that was
    /// done.
    bool is_own_key_again(ApiKey const &new_key) {
        if (m_request.own_key == nullptr || !sql::find_key(m_transaction, new_key.id())) {
            return false;
        }
        auto const owner = sql::identify(m_transaction, new_key.id(), new_key.hash());
        bool const active = m_keys.active && m_keys.active->key_id == new_key.id() && m_keys.active->live();
        if (!owner || !active) {
            throw Error(ErrorKind::conflict,
                        fmt::format("key {} was used before; nothing was changed", new_key.id().text()),
                        {.next = "make a new key"});
        }
        return true;
    }

    RotatedKey keep(std::string reason) {
        m_result.changed = false;
        m_result.key = m_keys.active;
        m_result.unchanged_because = std::move(reason);
        m_transaction.nothing_to_do();
        return m_result;
    }

    void end(Key const &key, std::optional<KeyId> const &replaced_by) {
        sql::retire(m_transaction, key.key_id, replaced_by);
        m_result.ended.push_back(key.key_id);
        add_event("key_retired", key.key_id, {});
    }

    /// Makes room for a second key in grace: ends what is left of an older rotation, or refuses.
    void clear_grace(KeyId const &new_id) {
        if (!m_keys.retiring) {
            return;
        }
        Key const &old = *m_keys.retiring;
        if (old.live() && m_request.grace > seconds(0) && !m_request.force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("agent {} has a rotation in grace: key {} works until {}; nothing was changed",
                            m_agent.agent_id, old.key_id, format_instant_seconds(old.expires_at.value_or(Instant()))),
                {.why = "an agent can have at most two live keys",
                 .next = advise(Act::retire_key, old.key_id)
                             .noting("ends that key now")
                             .also(advise(Act::rotate_by_force))
                             .also("wait until its grace has ended")});
        }
        if (old.live()) {
            end(old, old.replaced_by.value_or(new_id));
        } else if (old.status == KeyStatus::revoked) {
            sql::mark_revoked(m_transaction, m_request.agent);
        } else {
            sql::retire(m_transaction, old.key_id);
        }
    }

    void replace(ApiKey const &new_key) {
        clear_grace(new_key.id());
        std::optional<Instant> expires_at;
        if (m_keys.active) {
            expires_at = inherited_expiry(*m_keys.active);
            retire_active(*m_keys.active, new_key.id());
        }
        sql::Detail detail;
        detail.add("grace_seconds", m_request.grace.count());
        if (m_keys.active) {
            detail.add("previous_key_id", m_keys.active->key_id.text());
        }
        add_event("key_rotated", new_key.id(), std::move(detail));  // before its key: see relay.audit_new_keys
        sql::insert_key(m_transaction, new_key.id(), new_key.hash(), m_request.agent, expires_at, m_by.actor);
        m_result.changed = true;
    }

    /// Reads back that the new key counts, and each old one as was decided.
    void confirm_replaced(ApiKey const &new_key) {
        std::vector<std::string> doubts;
        std::vector<db::Pending<std::optional<Key>>> ended;
        for (KeyId const &id : m_result.ended) {
            doubts.push_back("key " + id.text() + " may still be live");
            ended.push_back(sql::ask_key(m_transaction, id));
        }
        sql::confirm_new_key(m_transaction, new_key.id(), new_key.hash(), m_request.agent, doubts);
        auto const contrary = sql::answered_contrary(m_transaction, {new_key.id()});
        auto const previous =
            m_keys.active ? std::optional(sql::ask_key(m_transaction, m_keys.active->key_id)) : std::nullopt;
        m_result.key = sql::find_key(m_transaction, new_key.id());
        m_result.previous = previous ? previous->get() : std::nullopt;
        for (std::size_t i = 0; i < ended.size(); ++i) {
            auto const key = ended[i].get();
            m_transaction.require(key && !key->live(), "the end of key " + m_result.ended[i].text(), doubts);
        }
        if (m_result.previous && m_result.previous->live()) {
            Key const &old = *m_result.previous;
            m_transaction.require(old.state == KeyState::retiring && old.replaced_by == new_key.id() &&
                                      old.expires_at <= m_transaction.now() + m_request.grace &&
                                      old.retire_on_first_use == m_request.retire_on_first_use,
                                  "the grace of key " + old.key_id.text());
        }
        if (m_result.key && m_result.key->status == KeyStatus::revoked) {
            throw db::RunAgain();  // the agent was revoked meanwhile: the next run says so
        }
        // Only the state and the rows that refuse it count; an expiry that it inherited may be near.
        m_transaction.require(m_result.key && m_result.key->state == KeyState::active &&
                                  m_result.key->status != KeyStatus::revoked && contrary.get().empty(),
                              "the new key of agent " + m_agent.agent_id.text(), doubts);
    }

    /// Returns the expiry of the new key. A rotation neither extends nor removes an expiry that was set on purpose.
    std::optional<Instant> inherited_expiry(Key const &active) const {
        if (active.status == KeyStatus::expired && !m_request.force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("the key of agent {} expired at {}, as set when it was created; nothing was changed",
                            m_agent.agent_id, format_instant_seconds(active.expires_at.value_or(Instant()))),
                {.why = "a rotation does not extend access that was meant to end",
                 .next = advise(Act::rotate_by_force)});
        }
        return active.status == KeyStatus::expired ? std::nullopt : active.expires_at;
    }

    void retire_active(Key const &active, KeyId const &new_id) {
        if (active.status == KeyStatus::revoked) {
            sql::mark_revoked(m_transaction, m_request.agent);
        } else if (active.live() && m_request.grace > seconds(0)) {
            sql::start_grace(m_transaction, active.key_id, new_id, m_request.grace, m_request.retire_on_first_use);
        } else {
            end(active, new_id);
        }
    }

    void add_event(char const *action, KeyId const &key_id, sql::Detail detail) {
        sql::record_events(m_transaction, m_by,
                           {{.action = action,
                             .org_id = m_agent.org_id,
                             .agent_id = m_agent.agent_id,
                             .key_id = key_id,
                             .detail = std::move(detail)}});
    }

    db::Transaction &m_transaction;
    RotateKey const &m_request;
    Attribution const &m_by;
    sql::CurrentKeys m_keys{};
    Agent m_agent;
    RotatedKey m_result{};
};

}  // namespace

RotatedKey rotate_key(db::Database &database, RotateKey const &request, WriteOptions const &options,
                      KeyDelivery *delivery) {
    if (delivery == nullptr && request.own_key == nullptr) {
        throw Error(ErrorKind::usage, "rotate_key needs a delivery for the key that it generates");
    }
    RotatedKey result;
    DeliverThenCommit delivery_commit(delivery, options.dry_run, request.own_key != nullptr);
    std::optional<ApiKey> const generated =
        request.own_key != nullptr ? std::nullopt : std::optional(ApiKey::generate(KeyType::agent));
    ApiKey const &new_key = generated ? *generated : *request.own_key;
    delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) {
        result = Rotation(transaction, request, options.by).run(new_key, delivery_commit);
        note_who(result, transaction);
        if (result.changed) {
            delivery_commit.deliver(transaction);
        }
    });
    result.delivered_to = delivery_commit.destination();
    return result;
}

RotatedKey revert_rotation(db::Database &database, AgentId const &agent, WriteOptions const &options) {
    RotatedKey result;
    database.transact(writing(options), [&](db::Transaction &transaction) {
        result = {};
        Agent const owner = sql::lock_agent(transaction, agent);
        sql::CurrentKeys const keys = sql::current_keys(transaction, agent);
        if (!keys.retiring || !keys.retiring->live() || !keys.active) {
            throw Error(ErrorKind::conflict,
                        fmt::format("agent {} has no rotation in grace to revert; nothing was changed", agent.text()),
                        {.next = advise(Act::show_agent, agent)});
        }
        sql::retire(transaction, keys.active->key_id);
        // Grace shortened the old key's expiry. The new key inherited the original one, so take it from there.
        sql::end_grace_as_active(transaction, keys.retiring->key_id, keys.active->expires_at);
        sql::record_events(transaction, options.by,
                           {{.action = "key_retired",
                             .org_id = owner.org_id,
                             .agent_id = owner.agent_id,
                             .key_id = keys.active->key_id},
                            {.action = "key_rotation_reverted",
                             .org_id = owner.org_id,
                             .agent_id = owner.agent_id,
                             .key_id = keys.retiring->key_id}});
        result.key = sql::get_key(transaction, keys.retiring->key_id);
        result.previous = sql::get_key(transaction, keys.active->key_id);
        result.ended = {keys.active->key_id};
        transaction.require(!result.previous->live(), "the end of key " + keys.active->key_id.text(),
                            {"key " + keys.active->key_id.text() + " may still be live"});
        transaction.confirm(result.key->state == KeyState::active && result.key->expires_at == keys.active->expires_at,
                            "the return of key " + keys.retiring->key_id.text());
        result.changed = true;
        note_who(result, transaction);
    });
    return result;
}

RetiredKey retire_key(db::Database &database, KeyId const &key, bool force, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) -> RetiredKey {
        sql::lock_agent(transaction, sql::get_key(transaction, key).agent_id);
        Key const before = sql::get_key(transaction, key);
        if (before.state == KeyState::retired || before.state == KeyState::revoked ||
            before.status == KeyStatus::revoked) {
            transaction.nothing_to_do();
            return {receipt_of(transaction, false), before};
        }
        if (before.state == KeyState::active && before.live() && !force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("key {} is the active key of agent {}; nothing was changed", key.text(), before.agent_id),
                {.why = "without it the agent has no working key",
                 .next = advise(Act::rotate_key_without_grace, before.agent_id)
                             .noting("replaces it")
                             .also(advise(Act::retire_by_force))});
        }
        sql::retire(transaction, key);
        sql::record_events(
            transaction, options.by,
            {{.action = "key_retired", .org_id = before.org_id, .agent_id = before.agent_id, .key_id = key}});
        Key const after = sql::get_key(transaction, key);
        transaction.require(sql::answered_contrary(transaction, {key}).get().empty(), "the end of key " + key.text(),
                            {"key " + key.text() + " may still be live"});
        transaction.confirm(after.state == KeyState::retired && !after.live(), "the end of key " + key.text(),
                            {"key " + key.text() + " may still be live"});
        return {receipt_of(transaction, true), after};
    });
}

}  // namespace relay
